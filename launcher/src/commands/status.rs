//! What a container is doing, for listings.
