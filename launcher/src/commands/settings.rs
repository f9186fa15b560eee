//! The settings of a new container: from the command line to a config.
