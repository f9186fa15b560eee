//! init
fn main() {}
