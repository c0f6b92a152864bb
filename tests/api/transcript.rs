//! What a document shows of a shell: commands, and what each prints. What differs from run to run
//! (times, ids, the figures of addresses) may differ; all else must be as it is written.

use serde_json::Value;

/// What stands for something left out.
const LEFT_OUT: char = '…';

/// A command and what it is said to print.
#[derive(Debug)]
pub(crate) struct Example {
    /// As it is typed, without the prompt.
    pub(crate) command: String,
    /// What it prints.
    pub(crate) printed: String,
    /// It goes on until it is stopped.
    pub(crate) endless: bool,
    /// Where it stands in the document.
    pub(crate) line: usize,
}

impl Example {
    /// The variable that it sets, if it sets one.
    pub(crate) fn variable(&self) -> Option<&str> {
        let (name, _) = self.command.split_once('=')?;
        let capital = |c: char| c.is_ascii_uppercase() || c == '_';
        name.chars().all(capital).then_some(name)
    }
}

/// The commands of all `console` blocks; a block marked `console endless` has one that does not end
/// by itself.
pub(crate) fn examples(document: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut block = None;
    for (number, line) in document.lines().enumerate() {
        if let Some(kind) = line.strip_prefix("```") {
            block = match block {
                None => Some(kind),
                Some(_) => None,
            };
        } else if let Some(kind) = block.filter(|kind| kind.starts_with("console")) {
            if let Some(command) = line.strip_prefix("$ ") {
                examples.push(Example {
                    command: command.to_owned(),
                    printed: String::new(),
                    endless: kind.contains("endless"),
                    line: number + 1,
                });
            } else {
                let example = examples.last_mut().expect("a block begins with a command");
                example.printed += line;
                example.printed.push('\n');
            }
        }
    }
    examples
}

/// Whether this was printed, as far as it is said; the error says what is different.
pub(crate) fn compare(said: &str, printed: &str) -> Result<(), String> {
    let (said, printed) = (said.trim(), printed.replace("\r\n", "\n"));
    let printed = printed.trim();
    if said.starts_with("HTTP/") {
        let (said_head, said_body) = said.split_once("\n\n").unwrap_or((said, ""));
        let (head, body) = printed.split_once("\n\n").unwrap_or((printed, ""));
        headers(said_head, head)?;
        return compare(said_body, body);
    }
    if said.starts_with(['{', '[']) {
        return json(said, printed);
    }
    let gap = |line: &&str| line.trim().chars().eq([LEFT_OUT]);
    let in_order = said.lines().any(|line| gap(&line));
    let mut printed = printed.lines();
    for line in said.lines().filter(|line| !gap(line)) {
        let same = |other: &str| alike(line, other);
        let found = if in_order {
            printed.any(same)
        } else {
            printed.next().is_some_and(same)
        };
        if !found {
            return Err(format!("{line:?} was not printed"));
        }
    }
    match printed.next() {
        Some(more) if !in_order && !said.is_empty() => Err(format!("{more:?} was printed, too")),
        _ => Ok(()),
    }
}

/// The status is the same, and the headers that are shown are there.
fn headers(said: &str, printed: &str) -> Result<(), String> {
    let (mut said, mut printed) = (said.lines(), printed.lines());
    let (status, real) = (said.next(), printed.next());
    if status.map(str::trim) != real.map(str::trim) {
        return Err(format!("{status:?} is {real:?}"));
    }
    let printed: Vec<_> = printed.collect();
    match said.find(|line| !printed.iter().any(|other| alike(line, other))) {
        Some(line) => Err(format!("{line:?} is not among {printed:?}")),
        None => Ok(()),
    }
}

fn json(said: &str, printed: &str) -> Result<(), String> {
    let whole = whole(said);
    let open = whole.len() < said.len();
    let said: Value =
        serde_json::from_str(&whole).map_err(|why| format!("the document: {why} in {whole}"))?;
    let printed: Value =
        serde_json::from_str(printed).map_err(|why| format!("{why} in {printed}"))?;
    same("", &said, &printed, open).map_err(|why| format!("{why} in {printed}"))
}

/// The JSON without the marks of values that are left out, and without the commas before them.
fn whole(said: &str) -> String {
    let mut text = String::new();
    let (mut quoted, mut escaped, mut gap) = (false, false, false);
    for c in said.chars() {
        if !quoted && c == LEFT_OUT {
            gap = true;
            continue;
        }
        if gap && matches!(c, ']' | '}') {
            let end = text.trim_end().trim_end_matches(',').len();
            text.truncate(end);
            gap = false;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        text.push(c);
    }
    text
}

/// Whether two values have the same form. Whole numbers must be the same, too, unless they are
/// times.
fn same(place: &str, said: &Value, printed: &Value, open: bool) -> Result<(), String> {
    let holds = match (said, printed) {
        (Value::Object(said), Value::Object(printed)) => {
            for (key, value) in said {
                let real = printed.get(key);
                let real = real.ok_or_else(|| format!("{place}.{key} is not there"))?;
                same(&format!("{place}.{key}"), value, real, open)?;
            }
            match printed.keys().find(|key| !said.contains_key(*key)) {
                Some(key) if !open => return Err(format!("{place}.{key} is not in the document")),
                _ => true,
            }
        }
        (Value::Array(said), Value::Array(printed)) => {
            for (index, value) in said.iter().enumerate() {
                let real = printed.get(index);
                let real = real.ok_or_else(|| format!("{place}[{index}] is not there"))?;
                same(&format!("{place}[{index}]"), value, real, open)?;
            }
            open || said.len() == printed.len()
        }
        (Value::String(said), Value::String(printed)) => alike(said, printed),
        (Value::Number(said), Value::Number(printed)) => {
            let time = ["_seconds", "_at"].iter().any(|end| place.ends_with(end));
            let exact = said.is_i64() && !time;
            !exact || said == printed
        }
        (said, printed) => said == printed,
    };
    if holds {
        return Ok(());
    }
    Err(format!(
        "{place}: the document says {said}, the program {printed}"
    ))
}

/// Whether two texts have the same shape; `…` in what is said is anything.
fn alike(said: &str, printed: &str) -> bool {
    let (said, printed) = (shape(said), shape(printed));
    let mut pieces = said.split(LEFT_OUT);
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else {
        return false;
    };
    let mut open = false;
    for piece in pieces {
        open = true;
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
        open &= piece.is_empty();
    }
    open || rest.is_empty()
}

/// A text with `#` for every number and every id.
fn shape(text: &str) -> String {
    let mut words = String::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let hex = rest.chars().take_while(char::is_ascii_hexdigit).count();
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let run = if matches!(hex, 16 | 32) { hex } else { digits };
        if run > 0 {
            words.push('#');
            rest = &rest[run..];
        } else {
            words.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    words
}

#[test]
fn what_differs_from_run_to_run_may_differ_and_nothing_else() {
    let said = concat!(
        r#"{"id":"e85db934379cafa8","pan":0,"age_seconds":1,"#,
        r#""all":[{"url":"http://10.0.0.1:8080/"},"#,
        "\n                   …]}",
    );
    let printed = |pan: i32, more: &str| {
        format!(
            r#"{{"id":"0000000000000001","pan":{pan},"age_seconds":7,{all}{more}}}"#,
            all = r#""all":[{"url":"http://127.0.0.9:8081/"}]"#,
        )
    };
    assert_eq!(compare(said, &printed(0, "")), Ok(()));
    assert_eq!(compare(said, &printed(0, r#","new":1"#)), Ok(()));
    assert!(compare(said, &printed(1, "")).is_err());
    let closed = said.replace(",\n                   …", "");
    assert_eq!(compare(&closed, &printed(0, "")), Ok(()));
    assert!(compare(&closed, &printed(0, r#","new":1"#)).is_err());
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ndate: now\r\n\r\nok\r\n";
    assert_eq!(
        compare("HTTP/1.1 200 OK\ncontent-length: 12\n\nok", head),
        Ok(())
    );
    assert!(compare("HTTP/1.1 200 OK\netag: x\n\nok", head).is_err());
    assert_eq!(compare("HTTP/1.1 200 OK\ndate: n…w\n\no…", head), Ok(()));
    assert!(compare("HTTP/1.1 200 OK\ndate: …x\n\nok", head).is_err());
    assert!(compare("HTTP/1.1 404 Not Found", head).is_err());
    assert!(compare("HTTP/1.1 200 OK\n\nready", head).is_err());
}
