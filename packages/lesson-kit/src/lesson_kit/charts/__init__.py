"""Charts of the lessons, in the bench's house style: a sentence on top, words, no legends, the guess as a ghost."""
