//! What the documents name is there: files, commands, names of the code; and no document is named
//! that is not.

use std::collections::BTreeSet;
use std::path::Path;

use super::sources::{code_spans, documents, table_rows, texts};
use super::{ROOT, read};

#[test]
fn no_document_is_named_that_is_not_in_the_repository() {
    let folders = [
        "src",
        "crates",
        "tests",
        "benches",
        "docs",
        "config",
        "static",
        "templates",
    ];
    let endings = ["rs", "md", "toml", "js", "css", "html"];
    let mut all = texts(&folders, &endings);
    all.extend(documents());
    // Written apart, or this file would name them.
    let gone = [["DES", "IGN"], ["design ", "§"], ["design ", "rule"]].map(|parts| parts.concat());
    let mut wrong = Vec::new();
    // The made-up trees there have documents of their own.
    all.retain(|(file, _)| file != "tests/layers.rs");
    for (file, text) in &all {
        for name in &gone {
            if text.contains(name) {
                wrong.push(format!("{file}: {name}"));
            }
        }
        let here = Path::new(ROOT).join(file);
        let here = here.parent().unwrap();
        let in_name = |letter: char| letter.is_alphanumeric() || "/._-:".contains(letter);
        for named in text.split(|letter| !in_name(letter)) {
            let name = named.trim_end_matches(['.', ':']).trim_start_matches('/');
            let is_document = Path::new(name).extension().is_some_and(|end| end == "md");
            if !is_document || name.contains(':') {
                continue;
            }
            let root = Path::new(ROOT);
            let places = [
                here,
                root,
                &root.join("docs/ref"),
                &root.join("docs/design"),
            ];
            if !places.iter().any(|place| place.join(name).exists()) {
                wrong.push(format!("{file}: {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "named, and not there: {wrong:#?}");
}

#[test]
fn every_file_and_folder_of_the_sources_that_a_document_names_exists() {
    let folders = [
        "benches/",
        "config/",
        "crates/",
        "docs/",
        "grafana/",
        "scripts/",
        "src/",
        "static/",
        "templates/",
        "tests/",
    ];
    let mut named = 0;
    let mut wrong = Vec::new();
    for (file, text) in documents() {
        for span in code_spans(&text) {
            let words = span.split_whitespace();
            for path in words.filter(|word| folders.iter().any(|at| word.starts_with(at))) {
                named += 1;
                // From the top, or from the crate that the document stands in.
                let beside = Path::new(&file).with_file_name(path);
                let there = [Path::new(path), &beside].map(|path| Path::new(ROOT).join(path));
                let open = path.contains(['*', '…', '<']);
                if !open && !there.iter().any(|path| path.exists()) {
                    wrong.push(format!("{file}: {path}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "named, and not there: {wrong:#?}");
    assert!(named > 40, "{named} paths are named");
}

/// The word behind `option` in a command.
fn value_of<'a>(words: &[&'a str], option: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| *word == option)?;
    words.get(at + 1).copied()
}

/// Why a command of a document cannot be run; nothing where it can.
fn cannot_run(command: &str, makefile: &str) -> Option<String> {
    let words: Vec<_> = command.split_whitespace().collect();
    let exists = |path: &str| Path::new(ROOT).join(path).exists();
    match words[..] {
        ["make", target, ..] => {
            let known = makefile.contains(&format!("\n{target}: ##"));
            (!known).then(|| format!("no target {target}"))
        }
        ["cargo", ..] => {
            let folder = match value_of(&words, "-p") {
                Some(package) => {
                    let name = package.strip_prefix("porthole-").unwrap_or_default();
                    format!("crates/{name}/")
                }
                None => String::new(),
            };
            let named = |option, place: &str| {
                let name = value_of(&words, option)?;
                let file = format!("{folder}{place}/{name}");
                let there = exists(&format!("{file}.rs")) || exists(&format!("{file}/main.rs"));
                (!there).then(|| format!("no {file}"))
            };
            named("--test", "tests").or_else(|| named("--bench", "benches"))
        }
        [script, ..] if script.starts_with("scripts/") => {
            (!exists(script)).then(|| format!("no {script}"))
        }
        _ => None,
    }
}

#[test]
fn every_command_that_a_document_gives_can_be_run() {
    let makefile = read("Makefile");
    let mut given = 0;
    let mut wrong = Vec::new();
    for (file, text) in documents() {
        let lines = text.lines().map(|line| line.trim_start_matches("$ "));
        for command in lines.chain(code_spans(&text)) {
            let starts = ["make ", "cargo ", "scripts/"];
            if starts.iter().any(|start| command.starts_with(start)) {
                given += 1;
                wrong.extend(cannot_run(command, &makefile).map(|why| format!("{file}: {why}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(given > 30, "{given} commands are given");
}

#[test]
fn every_name_of_the_code_that_the_glossary_has_is_in_the_code() {
    let mut known = BTreeSet::new();
    for (_, text) in texts(&["src", "crates"], &["rs"]) {
        let in_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        let names = text.split(|letter| !in_name(letter));
        known.extend(names.map(str::to_owned));
    }
    let mut wrong = Vec::new();
    let mut checked = 0;
    for name in code_spans(&read("docs/design/glossary.md")) {
        if name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric) {
            if !known.contains(name) {
                wrong.push(name.to_owned());
            }
            checked += 1;
        }
    }
    assert!(wrong.is_empty(), "not in the code: {wrong:?}");
    assert!(checked > 20, "{checked} names are checked");
}

#[test]
fn no_reference_says_that_something_is_not_built() {
    for page in ["command-line", "fleet", "limits", "metrics"] {
        let text = read(&format!("docs/ref/{page}.md"));
        for claim in ["today", "no effect", "not built", "not yet", "yet to be"] {
            assert!(!text.to_lowercase().contains(claim), "{page}.md: {claim}");
        }
    }
}

#[test]
fn every_row_of_a_table_has_as_many_columns_as_its_head() {
    for (file, text) in documents() {
        for (head, row) in table_rows(&text) {
            assert_eq!(row.len(), head.len(), "{file}: {row:?}");
        }
    }
}

/// What a link to a heading ends with: small letters, digits, and hyphens for blanks.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[test]
fn every_heading_that_a_document_links_exists() {
    let mut links = 0;
    let mut wrong = Vec::new();
    for (file, text) in documents() {
        let targets = text.split("](").skip(1);
        for link in targets.filter_map(|rest| rest.split(')').next()) {
            let Some((target, wanted)) = link.split_once('#') else {
                continue;
            };
            if target.contains("://") {
                continue;
            }
            let page = match target {
                "" => text.clone(),
                target => {
                    let beside = Path::new(&file).with_file_name(target);
                    read(&beside.to_string_lossy())
                }
            };
            let mut headings = page.lines().filter(|line| line.starts_with('#'));
            if !headings.any(|heading| anchor(heading) == wanted) {
                wrong.push(format!("{file}: {link}"));
            }
            links += 1;
        }
    }
    assert!(wrong.is_empty(), "no such headings: {wrong:#?}");
    assert!(links > 20, "{links} links to headings");
}

/// Where a maintainer's first questions are answered: each place is a file, and what follows it is
/// defined there.
#[test]
fn every_place_of_where_is_it_is_where_the_table_says() {
    let text = read("ARCHITECTURE.md");
    let (_, table) = text.split_once("\n## Where is it?\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let (mut questions, mut wrong) = (0, Vec::new());
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        questions += 1;
        let place = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let mut file: Option<(&str, String)> = None;
        for span in code_spans(place) {
            if Path::new(ROOT).join(span).exists() {
                let is_source = Path::new(span).extension().is_some_and(|end| end == "rs");
                file = is_source.then(|| (span, read(span)));
            } else if let Some((path, source)) = &file {
                let name = span.rsplit("::").next().unwrap();
                let kinds = ["fn", "struct", "enum", "const"];
                let defines = |line: &str| {
                    let words: Vec<_> = line.split(|c: char| !is_identifier(c)).collect();
                    let at = words.iter().position(|word| *word == name);
                    at.is_some_and(|at| at > 0 && kinds.contains(&words[at - 1]))
                        || line.contains(&format!("macro_rules! {name} "))
                };
                if !source.lines().any(defines) {
                    wrong.push(format!("{path} does not define {span}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(questions >= 10, "{questions} questions");
}

fn is_identifier(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
