"""What the lessons ask, draw and check: a package each, `lesson_NN`, with its `LESSON`."""
