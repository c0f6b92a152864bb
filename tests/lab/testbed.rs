//! What the tests have in common: three cameras, and reading the links of a page.

use std::collections::BTreeSet;

use crate::support::lab::{Answer, Camera, CameraSetup, Lab};

/// The cameras of the testbed, in the order in which they are started.
pub(crate) const NAMES: [&str; 3] = ["Front door", "Garden", "Till"];
const FIRST_HOST: u8 = 11;

/// The first `count` cameras, each set up by `settings` and started when the one before holds its
/// port: the first 8080, the others 8081 and so on.
pub(crate) fn cameras(
    lab: &Lab,
    count: usize,
    settings: impl Fn(CameraSetup) -> CameraSetup,
) -> Vec<Camera> {
    let numbered = NAMES.iter().zip(FIRST_HOST..).zip(8080..).take(count);
    numbered
        .map(|((name, host), port)| {
            let camera = settings(lab.camera(host, name)).start();
            camera.await_port(port);
            camera
        })
        .collect()
}

/// The absolute links of a page.
pub(crate) fn links(page: &Answer) -> BTreeSet<String> {
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    text.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .filter(|(link, _)| link.starts_with("http"))
        .map(|(link, _)| link.to_owned())
        .collect()
}

/// The title of a page.
pub(crate) fn title(page: &Answer) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("<title>").unwrap_or_default();
    let (title, _) = rest.split_once("</title>").unwrap_or_default();
    title.to_owned()
}
