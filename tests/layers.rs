//! `scripts/layers` finds what it is for, on small trees made for the purpose. What it says of this
//! repository is a stage of `scripts/test`.

// Clippy lets only the test functions themselves unwrap; all of this is tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// The layers of the trees below, from the bottom to the top, and every rule enforced.
const CONFIG: &str = r#"
[src]
order = [["low"], ["middle"], ["high"]]
[crates.tree]
uses = []
[crates.tree-high]
uses = ["tree"]
[crates.tree-pure]
uses = []
never = ["runtime*"]
[enforced]
empty-docs = true
retired-words = true
[words]
everywhere = ["grave"]
code = ["visitor"]
phrases = ["design rule"]
[words.allowed]
"src/high.rs" = ["visitor"]
"scripts/layers.toml" = ["*"]
"#;

/// What the lint says of a tree of these files: whether it passes, and its findings.
fn lint(files: &[(&str, &str)]) -> (bool, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in [("scripts/layers.toml", CONFIG)].iter().chain(files) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/layers");
    let output = Command::new(script)
        .arg("--root")
        .arg(root.path())
        .output()
        .expect("python3 is there (scripts/setup test)");
    let said = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!complaint.contains("Traceback"), "{complaint}");
    (
        output.status.success(),
        said.lines().map(str::to_owned).collect(),
    )
}

/// Asserts that the lint fails with these findings and no other.
fn assert_finds(files: &[(&str, &str)], findings: &[&str]) {
    let (passes, found) = lint(files);
    assert_eq!(found, findings);
    assert_eq!(passes, findings.is_empty());
}

const LIB: (&str, &str) = (
    "src/lib.rs",
    "pub mod high;\npub mod low;\npub mod middle;\n",
);

#[test]
fn a_clean_tree_passes() {
    let tests_may_look_anywhere = "pub struct Low;\n\
        #[cfg(test)]\n\
        mod tests {\n    use crate::high::High;\n}\n";
    assert_finds(
        &[
            LIB,
            ("src/low.rs", tests_may_look_anywhere),
            (
                "src/middle/mod.rs",
                "mod one;\nmod two;\npub use one::One;\npub use two::Two;\n",
            ),
            ("src/middle/one.rs", "pub struct One(crate::low::Low);\n"),
            (
                "src/middle/two.rs",
                // Neither comments nor strings refer to anything.
                "use super::One;\npub struct Two(One);\n\
                 // crate::high::High\nconst TEXT: &str = \"crate::high::High\";\n",
            ),
            (
                "src/high.rs",
                "use crate::middle;\npub struct High(middle::Two);\n",
            ),
        ],
        &[],
    );
}

#[test]
fn a_circle_of_files_is_named_with_what_each_takes() {
    assert_finds(
        &[
            LIB,
            ("src/low.rs", "use crate::low;\npub struct Low;\n"),
            (
                "src/middle/mod.rs",
                "mod one;\nmod three;\nmod two;\npub use one::One;\npub use three::Three;\n\
                 pub use two::Two;\n",
            ),
            // By the parent's re-export, by a path in the code, by a module brought into scope.
            (
                "src/middle/one.rs",
                "use super::Two;\npub struct One(Two);\n",
            ),
            (
                "src/middle/two.rs",
                "pub struct Two(Box<crate::middle::three::Three>);\n",
            ),
            (
                "src/middle/three.rs",
                "use super::{\n    one,\n};\npub struct Three(one::One);\n",
            ),
            ("src/high.rs", "pub struct High;\n"),
        ],
        &[
            "src/middle/one.rs:1: circle: src/middle/one.rs -> src/middle/two.rs (Two) \
           -> src/middle/three.rs (Three) -> src/middle/one.rs (One)",
        ],
    );
}

#[test]
fn a_module_and_its_child_that_use_each_other_are_a_circle() {
    assert_finds(
        &[
            LIB,
            ("src/low.rs", ""),
            (
                "src/middle/mod.rs",
                "mod part;\npub struct Whole(part::Part);\n",
            ),
            (
                "src/middle/part.rs",
                "pub struct Part(Option<Box<super::Whole>>);\n",
            ),
            ("src/high.rs", ""),
        ],
        &[
            "src/middle/mod.rs:2: circle: src/middle/mod.rs -> src/middle/part.rs (Part) \
           -> src/middle/mod.rs (Whole)",
        ],
    );
}

#[test]
fn an_arrow_to_a_higher_layer_is_named() {
    assert_finds(
        &[
            LIB,
            ("src/low.rs", "\nuse crate::high::{High, Highest as Top};\n"),
            ("src/middle.rs", ""),
            ("src/high.rs", "pub struct High;\npub struct Highest;\n"),
        ],
        &["src/low.rs:2: back arrow: low refers to high, above it: src/high.rs (High, Highest)"],
    );
}

#[test]
fn a_folder_without_a_place_in_the_order_is_named() {
    assert_finds(
        &[
            ("src/lib.rs", "pub mod low;\npub mod new;\n"),
            ("src/low.rs", "pub struct Low;\n"),
            ("src/new.rs", "use crate::low::Low;\n"),
        ],
        &["scripts/layers.toml:1: src/new has no place in the order of layers"],
    );
}

#[test]
fn a_crate_that_uses_what_it_may_not_is_named() {
    let manifest = |name: &str, uses: &str| {
        format!("[package]\nname = \"{name}\"\n[dependencies]\n{uses}.workspace = true\n")
    };
    assert_finds(
        &[
            ("crates/tree/Cargo.toml", &manifest("tree", "tree-high")),
            ("crates/high/Cargo.toml", &manifest("tree-high", "tree")),
        ],
        &["crates/tree/Cargo.toml:4: crate arrow: tree must not use tree-high"],
    );
}

#[test]
fn what_a_pure_crate_is_built_from_is_looked_through_to_the_end_and_for_its_tests_too() {
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n");
    let pure = package("tree-pure") + "[dev-dependencies]\nhelper = { path = \"../helper\" }\n";
    let helper = package("helper") + "[dependencies]\nruntime-core = { path = \"../runtime\" }\n";
    let locked = |name: &str, uses: &str| {
        format!("\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [{uses}]\n")
    };
    let lock = "version = 4\n".to_owned()
        + &locked("helper", "\"runtime-core\"")
        + &locked("runtime-core", "")
        + &locked("tree-pure", "\"helper\"");
    assert_finds(
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"crates/pure\"]\n"),
            ("Cargo.lock", &lock),
            ("crates/pure/Cargo.toml", &pure),
            ("crates/pure/src/lib.rs", ""),
            ("crates/helper/Cargo.toml", &helper),
            ("crates/helper/src/lib.rs", ""),
            ("crates/runtime/Cargo.toml", &package("runtime-core")),
            ("crates/runtime/src/lib.rs", ""),
        ],
        &[
            "crates/helper/Cargo.toml:1: helper is not in scripts/layers.toml",
            "crates/pure/Cargo.toml:1: not pure: runtime-core is in what tree-pure is built from",
            "crates/runtime/Cargo.toml:1: runtime-core is not in scripts/layers.toml",
        ],
    );
}

#[test]
fn long_lines_empty_comments_and_misplaced_tests_are_named() {
    let long = format!("// {}\n", "x".repeat(98));
    assert_finds(
        &[
            LIB,
            ("src/low.rs", &long),
            (
                "src/middle.rs",
                "/// Which.\npub struct Middle;\n#[cfg(test)]\n#[path = \"middle_tests.rs\"]\n\
                 mod tests;\n",
            ),
            ("src/middle_tests.rs", "//! See the module.\n"),
            (
                "src/high.rs",
                "/// The one above all others.\npub struct High;\n",
            ),
        ],
        &[
            "src/low.rs:1: 101 columns",
            "src/middle.rs:4: a module at another place than its name says",
            "src/middle.rs:1: says nothing: Which.",
            "src/middle_tests.rs:1: unit tests stand in tests.rs, or in a folder tests/, of their \
             module",
            "src/middle_tests.rs:1: says nothing: See the module.",
        ],
    );
}

#[test]
fn retired_words_are_named_as_words_and_in_identifiers() {
    assert_finds(
        &[
            LIB,
            (
                "src/low.rs",
                "struct OpenGrave;\nfn open_grave() {}\n// engraved, gravel\n// a visitor\n\
                 const TOLD: &str = \"a visitor\";\n",
            ),
            ("src/middle.rs", "// design rule 3\n"),
            ("src/high.rs", "// a visitor may be named here\n"),
            ("docs/guide.md", "A visitor reads this;\na grave word.\n"),
        ],
        &[
            "src/low.rs:1: retired word: Grave",
            "src/low.rs:2: retired word: grave",
            "src/low.rs:4: retired word: visitor",
            "src/middle.rs:1: retired word: design rule",
            "docs/guide.md:2: retired word: grave",
        ],
    );
}
