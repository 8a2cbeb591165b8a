"""What runs on the stage of an experiment: applications in a folder of their own."""
