//! The documents say what the program has, and nothing that it has not: settings, metrics, routes,
//! commands, limits, the words that it is quoted with, the tests that are named as proofs, the
//! paragraphs of the seed that are cited, and the files that are linked or named.

// Clippy lets only the test functions themselves unwrap; all of this is tests.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::CommandFactory as _;
use config::{FileFormat, Source as _, Value, ValueKind};
use porthole::commands::Cli;
use porthole::http::route_paths;
use porthole::metrics::Metrics;
use porthole::settings::DEFAULT_TOML;
use porthole_types::InstanceId;

mod limits;
mod names;
mod seed;
mod sources;
mod unsafe_code;
#[path = "../support/wait.rs"]
#[allow(dead_code, reason = "the documents wait for one thing only")]
mod wait;
mod words;

use sources::{code_spans, documents};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// Every table row whose first column begins with code, column by column.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let inside = line.trim_start_matches('|').trim_end_matches('|');
            inside.split('|').map(str::trim).collect()
        })
        .collect()
}

/// The text between the first two backticks.
fn code(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or_default()
}

fn table(toml: &str) -> BTreeMap<String, Value> {
    let parsed = config::File::from_str(toml, FileFormat::Toml).collect();
    parsed
        .unwrap_or_else(|why| panic!("{toml}: {why}"))
        .into_iter()
        .collect()
}

#[test]
fn every_setting_is_documented_with_its_default_and_its_variable() {
    let mut program = BTreeMap::new();
    for (section, keys) in table(DEFAULT_TOML) {
        for (key, value) in keys.into_table().unwrap() {
            let variable = format!(
                "PORTHOLE__{}__{}",
                section.to_uppercase(),
                key.to_uppercase()
            );
            program.insert(format!("{section}.{key}"), (value.kind, variable));
        }
    }
    let text = read("docs/ref/settings.md");
    let documented: BTreeMap<_, _> = rows(&text)
        .into_iter()
        .map(|row| {
            assert_eq!(row.len(), 5, "{row:?}");
            let default: ValueKind = table(&format!("x = {}", code(row[1])))["x"].kind.clone();
            (code(row[0]).to_owned(), (default, code(row[4]).to_owned()))
        })
        .collect();
    assert_eq!(documented, program);
}

/// The program's code without the reading of settings, tests, comments, texts and white space.
fn code_that_uses_settings() -> String {
    let root = Path::new(ROOT);
    let is_use = |file: &PathBuf| {
        let name = file.strip_prefix(root).unwrap().to_string_lossy();
        !name.starts_with("src/settings/") && !name.contains("tests")
    };
    let mut code = String::new();
    for file in ["src", "crates"].map(|folder| files(&root.join(folder), "rs")) {
        for file in file.into_iter().filter(is_use) {
            let text = fs::read_to_string(file).unwrap();
            let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
            for line in lines.filter(|line| !line.trim_start().starts_with("//")) {
                let outside_of_texts = line.split('"').step_by(2).collect::<String>();
                code.extend(outside_of_texts.chars().filter(|c| !c.is_whitespace()));
            }
        }
    }
    code
}

#[test]
fn every_setting_that_is_documented_is_used_and_none_is_said_to_do_nothing() {
    let text = read("docs/ref/settings.md");
    for claim in ["no effect", "not built", "not yet", "yet to be"] {
        let line = text
            .lines()
            .find(|line| line.to_lowercase().contains(claim));
        assert_eq!(line, None, "every setting does something");
    }
    let program = code_that_uses_settings();
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let unused: Vec<_> = rows(&text)
        .into_iter()
        .map(|row| code_of_setting(code(row[0])))
        .filter(|used| {
            !program
                .match_indices(used.as_str())
                .any(|(at, _)| ends(&program[at + used.len()..]))
        })
        .collect();
    assert!(unused.is_empty(), "no code uses {unused:?}");
}

/// How the code names a setting where it uses it.
fn code_of_setting(key: &str) -> String {
    match key.split_once('.').unwrap() {
        // `Tls::Files` holds both.
        ("http", "tls_certificate") => "Tls::Files{certificate".to_owned(),
        ("http", "tls_key") => "Tls::Files{certificate,key".to_owned(),
        // Of `CameraState`, which is given the whole section.
        ("camera", field) if field != "source" => format!("configured.{field}"),
        _ => key.to_owned(),
    }
}

#[test]
fn every_metric_is_documented_with_its_type_and_labels() {
    let metrics = Metrics::new(route_paths());
    metrics.set_camera_info(InstanceId(1), "Garden");
    let (_, rendered) = metrics.render();
    let mut program: BTreeMap<&str, (&str, BTreeSet<&str>)> = BTreeMap::new();
    for line in rendered.lines() {
        if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            program.insert(name, (kind, BTreeSet::new()));
        } else if let Some((series, labels)) = line.split_once('{') {
            let names = labels
                .split('"')
                .step_by(2)
                .filter_map(|part| part.strip_suffix('='));
            let names = names
                .map(|name| name.trim_start_matches(','))
                .filter(|name| *name != "le");
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
                let family = series.strip_suffix(end)?;
                program.contains_key(family).then_some(family)
            });
            program
                .get_mut(family.unwrap_or(series))
                .expect(line)
                .1
                .extend(names);
        }
    }
    let text = read("docs/ref/metrics.md");
    let documented: BTreeMap<_, _> = rows(&text)
        .into_iter()
        .map(|row| {
            (
                code(row[0]),
                (row[1], row[2].split('`').skip(1).step_by(2).collect()),
            )
        })
        .collect();
    assert_eq!(documented, program);
}

/// A server of its own on loopback; ended when dropped.
struct Server {
    process: Child,
    url: String,
    _data: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.expect("a free port").port();
        let data = tempfile::tempdir().expect("a folder");
        let process = Command::new(env!("CARGO_BIN_EXE_porthole"))
            .arg("run")
            .env("PORTHOLE__NODE__DATA_DIR", data.path())
            .env("PORTHOLE__HTTP__BIND", "127.0.0.1")
            .env("PORTHOLE__HTTP__PORT", port.to_string())
            .env("PORTHOLE__ROUTER__ENABLED", "false")
            .env("PORTHOLE__LAN__ENABLED", "false")
            .env("PORTHOLE__LAN__MDNS", "false")
            .env("PORTHOLE__CAMERA__SOURCE", "test")
            .env("PORTHOLE__AUTH__ADMIN_PASSWORD", "of this test")
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let url = format!("http://127.0.0.1:{port}");
        let server = Self {
            process,
            url,
            _data: data,
        };
        wait::eventually("it is ready", Duration::from_secs(20), || {
            let (status, body) = server.ask("GET", "/readyz")?;
            wait::ensure(status == 200, format!("{status} {body}"))
        });
        server
    }

    /// The status and the beginning of the body (a stream has no end).
    fn ask(&self, method: &str, path: &str) -> Result<(u16, String), String> {
        self.ask_for(method, path, 400)
    }

    /// The status and the body.
    fn ask_for_all(&self, method: &str, path: &str) -> Result<(u16, String), String> {
        self.ask_for(method, path, 1024 * 1024)
    }

    fn ask_for(&self, method: &str, path: &str, most: u64) -> Result<(u16, String), String> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(20)))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            // admin:of this test
            .header("Authorization", "Basic YWRtaW46b2YgdGhpcyB0ZXN0");
        let answer = agent
            .run(request.body("").unwrap())
            .map_err(|why| why.to_string())?;
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type");
        if kind.is_some_and(|kind| kind == "text/event-stream") {
            return Ok((status, String::new())); // silent while nothing happens
        }
        let mut body = Vec::new();
        let mut reader = answer.into_body().into_reader().take(most);
        reader
            .read_to_end(&mut body)
            .map_err(|why| why.to_string())?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn every_method_of_every_route_is_documented_and_answers() {
    let server = Server::start();
    let assets = "/static/{name}";
    let mut program = BTreeSet::new();
    for pattern in route_paths().chain([assets]) {
        let path = pattern
            .replace("{name}", "porthole.css")
            .replace("{actor}", "router")
            .replace("{id}", "0");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let (status, body) = server
                .ask(method, &path)
                .unwrap_or_else(|why| panic!("{method} {path}: {why}"));
            // What no route takes says so in these words; a route's own 404 has others.
            let nothing = status == 404 && body.contains("there is nothing at ");
            if !nothing && status != 405 {
                program.insert(format!("{method} {pattern}"));
            }
        }
    }
    let text = read("docs/ref/api.md");
    let documented: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .map(str::to_owned)
        .collect();
    assert_eq!(documented, program);
    assert!(program.len() > 5, "{program:?}");

    // Its description of itself has the same methods.
    // `every_path_of_the_api_is_described_and_nothing_else` has the paths.
    let (_, described) = server.ask_for_all("GET", "/api/v1/openapi.json").unwrap();
    let described: serde_json::Value = serde_json::from_str(&described).unwrap();
    let described: BTreeSet<_> = described["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let of_api = |route: &&String| route.contains("/api/v1/") || route.contains(" /log");
    assert_eq!(described, program.iter().filter(of_api).cloned().collect());
}

#[test]
fn every_route_has_a_label_of_its_own_so_that_none_escapes_the_documents() {
    let (_, metrics) = Metrics::new(route_paths()).render();
    assert!(route_paths().count() > 5);
    for path in route_paths() {
        let count = format!("porthole_http_requests_total{{code=\"2xx\",route=\"{path}\"}} 0");
        assert!(
            metrics.lines().any(|line| line == count),
            "{path} is no value of the label `route`"
        );
    }
}

#[test]
fn every_command_and_option_is_documented_with_its_default() {
    let text = read("docs/ref/command-line.md");
    let sections: BTreeMap<_, _> = text
        .split("\n## `porthole ")
        .skip(1)
        .map(|section| section.split_once('`').expect("a heading ends"))
        .collect();
    let cli = Cli::command();
    let commands: BTreeSet<_> = cli
        .get_subcommands()
        .map(clap::Command::get_name)
        .chain(["help"])
        .collect();
    assert_eq!(sections.keys().copied().collect::<BTreeSet<_>>(), commands);
    for command in cli.get_subcommands() {
        let rows = rows(sections[command.get_name()]);
        let documented: BTreeMap<_, _> = rows
            .iter()
            .filter(|row| row[0].starts_with("`--"))
            .map(|row| (code(row[0]).split(' ').next().unwrap(), row[1]))
            .collect();
        let arguments: Vec<_> = command
            .get_arguments()
            .filter(|argument| argument.get_id() != "help")
            .collect();
        let names: BTreeSet<_> = arguments
            .iter()
            .map(|argument| format!("--{}", argument.get_long().expect("options only")))
            .collect();
        assert_eq!(
            documented
                .keys()
                .map(|name| (*name).to_owned())
                .collect::<BTreeSet<_>>(),
            names
        );
        for argument in arguments
            .iter()
            .filter(|argument| argument.get_action().takes_values())
        {
            let name = format!("--{}", argument.get_long().unwrap());
            for default in argument.get_default_values() {
                assert_eq!(Some(documented[name.as_str()]), default.to_str(), "{name}");
            }
        }
    }
}

/// All files below a folder with this ending.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_test_that_a_design_document_names_exists() {
    let root = Path::new(ROOT);
    let code: String = ["src", "crates", "tests", "fuzz/src", "fuzz/tests"]
        .iter()
        .flat_map(|folder| files(&root.join(folder), "rs"))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let mut named = 0;
    let mut documents = files(&root.join("docs/design"), "md");
    documents.extend(["ARCHITECTURE.md", "SECURITY.md"].map(|name| root.join(name)));
    for file in documents {
        let text = fs::read_to_string(&file).unwrap();
        // The names of tests are sentences: nothing else between backticks has so many words.
        let sentence =
            |word: &&str| word.matches('_').count() >= 4 && !word.contains(['/', ' ', '"', '*']);
        for named_test in code_spans(&text).filter(sentence) {
            let name = named_test.rsplit("::").next().unwrap();
            let definition = match name.split_once('…') {
                Some((beginning, _)) => format!("fn {beginning}"),
                None => format!("fn {name}("),
            };
            assert!(
                code.contains(&definition),
                "{}: no test {named_test}",
                file.display()
            );
            named += 1;
        }
    }
    assert!(named > 20, "{named} tests are named");
}

#[test]
fn every_file_that_a_document_links_exists() {
    let mut links = 0;
    for (name, text) in documents() {
        let file = Path::new(ROOT).join(&name);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = file.parent().unwrap().join(target);
            assert!(path.exists(), "{name} links {link}");
            links += 1;
        }
    }
    assert!(links > 5, "{links} links");
}
