"""Nine of NIST's certified nonlinear regressions, fitted with exact derivatives: the command ``adjoint demo``.

=========  ==================================================================
`nist`     the data files and their format
`models`   the nine models, plain NumPy programs
`fit`      the fits, and what they are measured by
`report`   the table, by rich where it is installed
`command`  the command line
=========  ==================================================================
"""
