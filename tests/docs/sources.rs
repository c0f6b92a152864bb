//! The files that the documents are held against, and what is in them.

use std::fs;
use std::path::Path;

use super::{ROOT, files, read};

/// All files of these folders of the workspace with one of these endings, each as it is named from
/// there, with its text.
pub fn texts(folders: &[&str], endings: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(ROOT);
    folders
        .iter()
        .flat_map(|folder| endings.iter().map(move |ending| (folder, ending)))
        .flat_map(|(folder, ending)| files(&root.join(folder), ending))
        .map(|file| {
            let name = file.strip_prefix(root).unwrap().display().to_string();
            (name, fs::read_to_string(&file).unwrap())
        })
        .collect()
}

/// The documents: those at the top, all of `docs`, and what stands beside the code.
pub fn documents() -> Vec<(String, String)> {
    let top = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "SECURITY.md",
    ];
    let mut found: Vec<_> = top
        .iter()
        .map(|name| ((*name).to_owned(), read(name)))
        .collect();
    found.extend(texts(&["docs", "crates"], &["md"]));
    found
}

/// Every row of every table, column by column, with the heads of the columns.
pub fn table_rows(text: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
    let mut head: Option<Vec<&str>> = None;
    let mut rows = Vec::new();
    for line in text.lines() {
        let Some(inside) = line
            .strip_prefix('|')
            .and_then(|line| line.trim_end().strip_suffix('|'))
        else {
            head = None;
            continue;
        };
        let row: Vec<_> = inside.split('|').map(str::trim).collect();
        match &head {
            None => head = Some(row),
            Some(_) if row.iter().all(|cell| cell.starts_with('-')) => {}
            Some(head) => rows.push((head.clone(), row)),
        }
    }
    rows
}

/// What stands between backticks.
pub fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
