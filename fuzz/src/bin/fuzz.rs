//! One target under libFuzzer: `scripts/fuzz` builds it with what libFuzzer needs to see which code
//! is reached, and runs it. `PORTHOLE_FUZZ_TARGET` says which target; the arguments are libFuzzer's.

#![no_main]

use std::sync::LazyLock;

use porthole_fuzz::{TARGETS, Target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("PORTHOLE_FUZZ_TARGET").unwrap_or_default();
    Target::named(&name).unwrap_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        panic!("PORTHOLE_FUZZ_TARGET is one of {}", names.join(", "))
    })
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    (TARGET.run)(&data[..data.len().min(TARGET.longest)]);
});
