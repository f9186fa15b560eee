//! What both sides of a container say.
