//! Naming cameras (¶53) from any camera of the fleet.

use serde_json::{Value, json};

use crate::fleet::{Fleet, cameras};
use crate::support::lab::{Answer, Camera, PATIENCE};
use crate::support::wait::{ensure, eventually};

/// The id of the camera with this name, as `asked` knows it.
fn id(asked: &Camera, name: &str) -> String {
    let known = cameras(asked).unwrap();
    let one = known.iter().find(|one| one["name"] == name);
    one.expect(name)["id"].as_str().unwrap().to_owned()
}

fn rename(asked: &Camera, id: &str, body: &Value) -> Answer {
    let path = format!("/api/v1/cameras/{id}");
    asked.send("PATCH", &path, body).unwrap()
}

#[track_caller]
fn shows(camera: &Camera, name: &str) {
    let what = format!("{} shows {name}", camera.name);
    eventually(&what, PATIENCE, || {
        let known = cameras(camera)?;
        ensure(
            known.iter().any(|one| one["name"] == name),
            format!("{known:?}"),
        )
    });
}

#[test]
fn a_camera_is_renamed_by_itself_and_by_another_and_all_pages_show_it() {
    let fleet = Fleet::start();
    let (barn, kitchen) = (&fleet.barn, &fleet.kitchen);
    for (asked, old, new) in [(barn, "Barn", "Scheune 🐄"), (barn, "Küche", "门口")] {
        let answer = rename(asked, &id(asked, old), &json!({ "name": new }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json::<Value>().unwrap()["name"], new);
        for camera in [barn, kitchen] {
            shows(camera, new);
        }
    }
    let answer = rename(kitchen, &id(kitchen, "门口"), &json!({ "name": null }));
    assert_eq!(answer.json::<Value>().unwrap()["name"], "Küche");
    shows(barn, "Küche");
}

#[test]
fn what_cannot_be_a_name_is_refused_with_the_field_and_changes_nothing() {
    let fleet = Fleet::start();
    let barn = &fleet.barn;
    let id = id(barn, "Barn");
    for (body, why) in [
        (json!({ "name": " " }), "at least one character"),
        (json!({ "name": "x".repeat(65) }), "at most 64"),
        (json!({ "name": "a\nb" }), "control"),
    ] {
        let answer = rename(barn, &id, &body);
        let problem: Value = answer.json().unwrap();
        assert_eq!((answer.status, &problem["field"]), (422, &json!("name")));
        assert!(
            problem["detail"].as_str().unwrap().contains(why),
            "{problem}"
        );
    }
    for body in [
        json!({}),
        json!({ "nom": "x" }),
        json!({ "name": 1 }),
        json!([]),
    ] {
        let answer = rename(barn, &id, &body);
        assert_eq!(answer.status, 422, "{body} {}", answer.text());
    }
    assert_eq!(
        rename(barn, "0000000000000000", &json!({ "name": "x" })).status,
        404
    );
    assert_eq!(rename(barn, "barn", &json!({ "name": "x" })).status, 400);
    shows(barn, "Barn");
}

#[test]
fn a_camera_that_is_down_is_named_in_the_refusal_and_nothing_has_changed() {
    let mut fleet = Fleet::start();
    let kitchen = id(&fleet.barn, "Küche");
    fleet.kitchen.kill();
    let answer = rename(&fleet.barn, &kitchen, &json!({ "name": "Hof" }));
    let problem: Value = answer.json().unwrap();
    assert_eq!(answer.status, 504, "{problem}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("Küche") && detail.contains(&kitchen),
        "{detail}"
    );
    fleet.kitchen.start();
    shows(&fleet.kitchen, "Küche");
}
