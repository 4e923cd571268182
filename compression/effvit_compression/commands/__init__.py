"""The sub-commands of ``effvit-compress``, one a file: ``add_arguments`` and ``run``."""
