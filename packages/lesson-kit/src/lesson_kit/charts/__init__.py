"""Charts of the lessons, in the house style of the bench: a sentence on top, words instead of legends, the guess as a ghost."""
