//! Changes of a kept input, drawn from a seed: the small engine of the tests. It does not know
//! which code an input reaches; that is libFuzzer's part.

use fastrand::Rng;

/// What means something in one of the formats, or stands at an edge.
const WORDS: [&[u8]; 36] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"'",
    b"\\",
    b"\\u0000",
    b"<",
    b">",
    b"/",
    b"&",
    b"&#0;",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"?",
    b"%00",
    b"%",
    b":",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"=",
    b".",
    b"-1",
    b"0",
    b"65536",
    b"18446744073709551616",
    b"1e999",
    b"NaN",
    b"null",
    b"\xff\xd9",
    b"\xff\xff",
    "\u{202e}".as_bytes(),
];

/// One to eight changes of `input`, in places and of kinds that `rng` draws; `other` is what pieces
/// are taken from. At most `longest` bytes are left.
pub fn change(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8], longest: usize) {
    for _ in 0..1 << rng.u8(0..4) {
        once(rng, input, other);
        input.truncate(longest);
    }
}

fn once(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8]) {
    let at = rng.usize(0..=input.len());
    let piece = |rng: &mut Rng, of: &[u8]| {
        let from = rng.usize(0..=of.len());
        let length = rng.usize(0..=(of.len() - from).min(64));
        of[from..from + length].to_vec()
    };
    match rng.u8(0..7) {
        0 if at < input.len() => input[at] ^= 1 << rng.u8(0..8),
        1 if at < input.len() => input[at] = rng.u8(..),
        2 => {
            let word = WORDS[rng.usize(0..WORDS.len())];
            input.splice(at..at, word.iter().copied());
        }
        3 => {
            let end = (at + rng.usize(0..=32)).min(input.len());
            input.drain(at..end);
        }
        // A piece of its own again, a few or many times: lists get long, and nesting deep.
        4 => {
            let again = piece(rng, input).repeat(1 << rng.u8(0..6));
            input.splice(at..at, again);
        }
        5 => {
            let end = (at + rng.usize(0..=32)).min(input.len());
            let word = WORDS[rng.usize(0..WORDS.len())];
            input.splice(at..end, word.iter().copied());
        }
        _ => {
            let piece = piece(rng, other);
            input.splice(at..at, piece);
        }
    }
}
