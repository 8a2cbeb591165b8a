"""The notebooks: made from the texts of the lessons, run by themselves, and opened for a learner.

::

    lessons/NN-title.md ── convert ──> notebooks/NN-title.ipynb ── opening ──> my-lessons/, in JupyterLab
                                              │
                                           execute: kernel, trial, judging; and reference, for readers who only read

It needs lesson-kit[notebooks]; a notebook that is open needs none of it.
"""
