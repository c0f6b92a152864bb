//! The wall of cameras: many of them, silent ones, namesakes, and a new name for one.

use std::time::Instant;

use crate::browser::{Browser, Window};
use crate::demo::{admin_demo, demo, text};

/// Lets a test change what the page's script is told of the cameras: a fleet of 250, or a silent
/// camera, without having one.
const DOCTOR: &str = "
    const ask = window.fetch;
    window.doctor = (answer) => answer;
    window.fetch = async (...request) => {
      const response = await ask(...request);
      if (request[0] !== 'api/v1/cameras') return response;
      return new Response(
        JSON.stringify(window.doctor(await response.json())),
        { headers: response.headers },
      );
    };
    return true;";

async fn doctored(browser: &Browser, doctor: &str) {
    browser.until("the page takes a doctor", DOCTOR).await;
    let set = format!("window.doctor = (answer) => {{ {doctor}; return answer; }}; return true");
    browser.until("the doctor knows what to do", &set).await;
}

#[tokio::test]
async fn among_250_cameras_a_few_letters_find_one_and_only_what_is_seen_is_asked_for_pictures() {
    let Some(browser) = Browser::start(Window::Desktop).await else {
        return;
    };
    let (_demo, url) = demo();
    browser.client.goto(&url).await.expect("the page opens");
    let crowd = "
        const other = answer.cameras.find((camera) => !camera.self);
        if (!other) return answer;
        answer.cameras = answer.cameras.filter((camera) => camera.self);
        for (let n = 1; n <= 249; n += 1) {
          const id = n.toString(16).padStart(16, '0');
          answer.cameras.push({ ...other, id, name: n % 25 ? `Gate ${n}` : `Barn ${n}` });
        }";
    doctored(&browser, crowd).await;
    browser
        .until(
            "the page lists all of them, and offers to filter",
            "return document.querySelectorAll('.tile').length === 249
                 && !document.querySelector('#filter').hidden",
        )
        .await;
    let asked = "
        const tiles = [...document.querySelectorAll('.tile')];
        const near = (tile) => tile.getBoundingClientRect().top < innerHeight + 400;
        const asked = tiles.filter((tile) => tile.querySelector('img').hasAttribute('src') ||
            tile.querySelector('.frame').dataset.picture);
        return asked.length > 0 && asked.every(near)";
    browser
        .until("pictures are asked of what is on the screen", asked)
        .await;

    let filter = browser.find("#filter-text").await;
    filter
        .send_keys("bARN")
        .await
        .expect("it can be typed into");
    browser
        .until(
            "only those that match are shown, and counted",
            "const shown = [...document.querySelectorAll('.tile:not([hidden])')];
             return shown.length === 9
                 && shown.every((tile) => /Barn/.test(tile.querySelector('.name').textContent))
                 && document.querySelector('#filter-count').textContent === '9 of 249'",
        )
        .await;
    filter
        .send_keys("\u{e00c}")
        .await
        .expect("Escape can be typed");
    browser
        .until(
            "Escape shows all again",
            "return document.querySelectorAll('.tile:not([hidden])').length === 249
                 && document.querySelector('#filter-text').value === ''",
        )
        .await;
    browser.client.close().await.expect("the session ends");
}

#[tokio::test]
async fn a_silent_camera_is_dimmed_and_says_since_when_until_it_speaks_again() {
    let Some(browser) = Browser::start(Window::Desktop).await else {
        return;
    };
    let (_demo, url) = demo();
    browser.client.goto(&url).await.expect("the page opens");
    browser.find(".tile:nth-child(2)").await;
    let silent = "
        const other = answer.cameras.find((camera) => !camera.self);
        if (other) Object.assign(other, { presence: 'fading', last_seen_seconds: 9.7 })";
    doctored(&browser, silent).await;
    browser
        .until(
            "it is dimmed and says so",
            "const tile = document.querySelector('.tile:nth-child(1)');
             const line = tile.querySelector('.silent');
             return !line.hidden && line.textContent === 'Last heard 9 s ago'
                 && Number(getComputedStyle(tile.querySelector('img')).opacity) < 1",
        )
        .await;
    doctored(&browser, "").await;
    browser
        .until(
            "it is as before",
            "const tile = document.querySelector('.tile:nth-child(1)');
             return tile.querySelector('.silent').hidden
                 && Number(getComputedStyle(tile.querySelector('img')).opacity) === 1",
        )
        .await;
    browser.client.close().await.expect("the session ends");
}

#[tokio::test]
async fn a_camera_renamed_on_one_page_has_its_new_name_on_its_own_page_at_once() {
    let Some(browser) = Browser::start(Window::Desktop).await else {
        return;
    };
    let (_demo, url) = admin_demo(&browser).await;
    browser.client.goto(&url).await.expect("the page opens");
    let link = browser.find(".tile:nth-child(1) .name a[href]").await;
    let own_page = link.prop("href").await.expect("an address");
    let own_page = own_page.expect("the tile has an address");

    // The other camera's own page, in a tab of its own.
    let first = browser.client.window().await.expect("the first tab");
    let tab = browser.client.new_window(true).await.expect("another tab");
    browser
        .client
        .switch_to_window(tab.handle)
        .await
        .expect("the other tab");
    let second = browser.client.window().await.expect("the second tab");
    browser.client.goto(&own_page).await.expect("it opens");
    browser.find("h1").await;
    browser
        .client
        .switch_to_window(first)
        .await
        .expect("the first tab");

    // By keyboard alone: the button, the name, Enter.
    let name = "Gästehaus 庭 <b>";
    let focused = "document.querySelector('.tile:nth-child(1) button.rename').focus(); return true";
    browser.until("the button has the focus", focused).await;
    browser.type_keys("\u{e007}").await;
    browser
        .until(
            "the sheet is open, with the focus in its field",
            "return document.querySelector('#rename').open
                 && document.activeElement.id === 'rename-name'",
        )
        .await;
    browser.type_keys(&"x".repeat(65)).await;
    browser.type_keys("\u{e007}").await;
    browser
        .until(
            "a name that is too long is refused beside the field, which has the focus",
            "const problem = document.querySelector('#rename-name-problem');
             const input = document.querySelector('#rename-name');
             const described = input.getAttribute('aria-describedby');
             return !problem.hidden && /64/.test(problem.textContent)
                 && document.activeElement === input
                 && input.getAttribute('aria-invalid') === 'true'
                 && described.split(' ').includes('rename-name-problem')",
        )
        .await;
    // What was refused is selected: typing takes its place.
    browser.type_keys(name).await;
    let began = Instant::now();
    browser.type_keys("\u{e007}").await;
    let renamed = |place: &str| {
        format!("return document.querySelector('{place} .name bdi').textContent === {name:?}")
    };
    browser
        .until("the tile has the new name", &renamed(".tile:nth-child(1)"))
        .await;
    browser
        .client
        .switch_to_window(second)
        .await
        .expect("the second tab");
    browser
        .until("so has the camera's own page", &renamed("#mine"))
        .await;
    println!("on the other page after {:?}", began.elapsed());
    assert_eq!(
        text(&browser, "return document.title").await,
        format!("{name} · Porthole")
    );
    browser.client.close().await.expect("the tab closes");
}
