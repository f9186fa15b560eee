//! Every system call of fief, typed.
