//! Drawing on a packed YUYV picture: what the test pattern and the placeholder are made with.

pub(crate) mod canvas;
pub(crate) mod lettering;
