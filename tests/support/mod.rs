//! What the integration tests share: the lab with its real router, and waiting for conditions.
//!
//! Each test program compiles this for itself and uses a part of it.
#![allow(dead_code)]

pub(crate) mod lab;
pub(crate) mod wait;
