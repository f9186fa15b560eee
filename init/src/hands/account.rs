//! The kernel's counters of one control group, as an account.
