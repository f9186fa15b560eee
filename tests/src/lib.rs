//! Harness of the root tests.
