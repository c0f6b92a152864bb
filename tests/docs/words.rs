//! What the guide quotes is what the program says.
//!
//! The guide marks the program's words in two ways: as code in the first column of a table whose
//! head has `prints`, `say` or `says`, and as a quotation (`> `) under a sentence that says who
//! speaks. What differs from one time to the next is `…`, or a number.

use super::sources::{code_spans, table_rows, texts};

/// Stands for whatever differs from one time to the next.
const ANY: char = '\u{1}';

/// Texts of the program without what is filled in: `{…}` of Rust, `{{ … }}` of a template, `${…}`
/// of a script, and numbers with their units.
fn without_filling(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut depth = 0;
    let mut last = ' ';
    while let Some(letter) = rest.next() {
        let fill = |plain: &mut String| {
            if !plain.ends_with(ANY) {
                plain.push(ANY);
            }
        };
        match letter {
            '{' => {
                depth += 1;
                fill(&mut plain);
            }
            '}' => depth = i32::max(0, depth - 1),
            _ if depth > 0 => {}
            '$' if rest.peek() == Some(&'{') => {}
            _ if letter.is_ascii_digit() && !last.is_alphanumeric() => {
                let in_number = |next: &char| next.is_alphanumeric() || *next == '.';
                let mut end = letter;
                while let Some(next) = rest.next_if(in_number) {
                    end = next;
                }
                fill(&mut plain);
                if end == '.' {
                    plain.push('.'); // that of the sentence
                }
            }
            _ if letter.is_whitespace() => {
                if !plain.ends_with(' ') {
                    plain.push(' ');
                }
            }
            _ => plain.push(letter),
        }
        last = letter;
    }
    plain
}

/// A string literal may be spread over several lines with `\`.
fn joined(text: &str) -> String {
    let mut parts = text.split("\\\n");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole.push_str(part.trim_start());
    }
    whole
        .replace("\\\"", "\"")
        .replace("\\u{201c}", "“")
        .replace("\\u{201d}", "”")
}

/// A text without the names that it quotes.
fn without_quoted(text: &str) -> String {
    let mut plain = String::new();
    for (number, part) in text.split(['"', '“', '”']).enumerate() {
        match number % 2 {
            0 => plain.push_str(part),
            _ => plain.push_str("{}"),
        }
    }
    plain
}

/// All that the program may say: its sources without comments and tests, its pages, its scripts.
fn program() -> String {
    let mut all = String::new();
    for (file, text) in texts(
        &["src", "crates", "static", "templates"],
        &["rs", "js", "html"],
    ) {
        if file.contains("/tests") || file.ends_with("tests.rs") {
            continue;
        }
        let without_tests = text.split("#[cfg(test)]\nmod tests {").next();
        let lines = joined(without_tests.unwrap_or_default());
        for line in lines.lines().filter(|line| !line.trim().starts_with("//")) {
            // Once without the code around a literal, which has braces of its own, and once whole,
            // for literals with marks in them.
            for part in line.split('"').chain([line]) {
                all.push_str(&without_filling(part));
                all.push('\n');
            }
        }
    }
    all
}

/// What the guide says that the program says, each with its file.
fn quoted() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (file, text) in texts(&["docs/guide"], &["md"]) {
        for (head, row) in table_rows(&text) {
            let says = head[0]
                .split(|letter: char| !letter.is_alphabetic())
                .any(|word| ["prints", "say", "says"].contains(&word));
            if says {
                // One word alone is a name or an address; a command is what people say.
                let words = code_spans(row[0])
                    .filter(|span| span.contains(' ') && !span.starts_with("porthole "));
                found.extend(words.map(|words| (file.clone(), words.to_owned())));
            }
        }
        let mut quotation = String::new();
        for line in text.lines().chain([""]) {
            if let Some(words) = line.strip_prefix("> ") {
                quotation.push_str(words);
                quotation.push(' ');
            } else if !quotation.is_empty() {
                // A notice is put together sentence by sentence.
                for sentence in quotation.split_inclusive(". ") {
                    found.push((file.clone(), sentence.trim().to_owned()));
                }
                quotation.clear();
            }
        }
    }
    found
}

#[test]
fn what_the_guide_says_that_the_program_says_it_says() {
    let program = program();
    let mut checked = 0;
    let mut not_said = Vec::new();
    for (file, words) in quoted() {
        for piece in words.split('…') {
            let piece = without_filling(&without_quoted(piece));
            let said = |part: &str| program.contains(part);
            let whole = piece.trim_matches(|letter: char| letter == ANY || letter.is_whitespace());
            // Put together from several texts: by what is filled in, a comma, a colon, a bracket.
            let mut parts = whole
                .split([ANY, ',', ':', '('])
                .map(|part| part.trim_matches(|letter: char| !letter.is_alphanumeric()))
                .filter(|part| part.contains(' '));
            // One of which may begin or end with what is filled in.
            let in_two = |part: &str| {
                let mut spaces = part.match_indices(' ');
                spaces.any(|(at, _)| said(&part[..at]) && said(&part[at + 1..]))
            };
            if !said(whole) && !parts.all(|part| said(part) || in_two(part)) {
                not_said.push(format!("{file}: {words}"));
            }
            checked += 1;
        }
    }
    assert!(
        not_said.is_empty(),
        "the program does not say {not_said:#?}"
    );
    assert!(checked > 40, "{checked} texts are checked");
}

#[test]
fn what_is_filled_in_is_left_out_on_both_sides() {
    let code = without_filling("no picture for {} s from {name:?}, {{ again }}");
    assert_eq!(code, without_filling("no picture for 5 s from 20ms, 7"));
}
