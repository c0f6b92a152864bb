//! What a camera sends as MJPEG: cut, padded, without its tables, or no picture at all.

use bytes::Bytes;
use porthole_camera::mjpeg::{complete, inspect};

/// The Huffman tables that are added, in bytes (ITU-T T.81, annex K.3).
const TABLES: usize = 420;

/// A frame. What is passed on begins and ends as a JPEG, has tables, and is not changed any more
/// when it is looked at again.
pub fn jpeg(frame: &[u8]) -> bool {
    let layout = match inspect(frame) {
        Ok(layout) => layout,
        Err(why) => {
            assert!(!why.to_string().is_empty());
            return false;
        }
    };
    assert!((1..=65_535).contains(&layout.width) && (1..=65_535).contains(&layout.height));
    let whole = complete(&Bytes::copy_from_slice(frame), &layout);
    assert!(whole.len() <= frame.len() + TABLES);
    assert!(whole.starts_with(&[0xFF, 0xD8]) && whole.ends_with(&[0xFF, 0xD9]));
    let again = inspect(&whole).expect("what is passed on is a picture");
    assert_eq!((again.width, again.height), (layout.width, layout.height));
    assert_eq!(complete(&whole, &again), whole);
    true
}
