//! Each use of `unsafe` in the workspace is in the table of `SECURITY.md`, with its reason.

use std::collections::BTreeMap;

use super::sources::{table_rows, texts};
use super::{code, read};

/// How often `unsafe` stands in Rust code for something that the compiler does not check: a block,
/// a function, an implementation, an attribute. What stands in comments does not count, nor do the
/// names of lints and of sources in a policy.
fn uses(text: &str) -> usize {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let word = |line: &str| {
        let behind = line.split("unsafe").skip(1);
        let begins = ["{", "fn ", "impl", "trait ", "extern ", "("];
        behind
            .filter(|rest| {
                begins
                    .iter()
                    .any(|begin| rest.trim_start().starts_with(begin))
            })
            .count()
    };
    text.lines().filter(code).map(word).sum()
}

#[test]
fn every_use_of_unsafe_is_listed_with_its_reason() {
    let folders = [
        "src",
        "crates",
        "tests",
        "benches",
        "fuzz/src",
        "fuzz/tests",
    ];
    let found: BTreeMap<String, usize> = texts(&folders, &["rs"])
        .into_iter()
        .map(|(file, text)| (file, uses(&text)))
        .filter(|(_, uses)| *uses > 0)
        .collect();
    let page = read("SECURITY.md");
    let listed: BTreeMap<String, usize> = table_rows(&page)
        .into_iter()
        .filter(|(head, _)| head[..] == ["file", "uses", "why"])
        .map(|(_, row)| {
            assert!(row[2].len() > 40, "{row:?} gives no reason");
            (code(row[0]).to_owned(), row[1].parse().unwrap())
        })
        .collect();
    assert_eq!(found, listed, "code, and the table of SECURITY.md");
    assert!(!found.is_empty());
}

#[test]
fn uses_are_told_from_words() {
    // Written apart, or this file would have some.
    let with = |rest: &str| format!("{}{rest}", "uns".to_owned() + "afe");
    for (text, expected) in [
        (with(" { f() }"), 1),
        (with("{f()} ") + &with(" { g() }"), 2),
        (format!("pub {}", with(" fn f() {}")), 1),
        (with(" impl Send for X {}"), 1),
        (with(" extern \"C\" {}"), 1),
        (format!("#[{}", with("(no_mangle)]")), 1),
        (format!("// {}", with(" { f() }")), 0),
        (with("_code = \"deny\""), 0),
        (format!("'{}", with("-inline'")), 0),
    ] {
        assert_eq!(uses(&text), expected, "{text}");
    }
}
