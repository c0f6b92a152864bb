//! Port mapping on the router.
