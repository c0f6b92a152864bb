//! From the device to the latest JPEG: sources, pixel formats, encoding, slots, pan and tilt.
