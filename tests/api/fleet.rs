//! A testbed with two cameras that hear each other and ask for a login: what every test here asks.

use porthole_sim_router::Quirks;
use serde_json::Value;

use crate::support::lab::{Camera, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed};

/// The cameras and their testbed. Cameras are dropped before their router.
pub(crate) struct Fleet {
    /// The representative.
    pub(crate) barn: Camera,
    /// The other one; its name is not ASCII.
    pub(crate) kitchen: Camera,
    pub(crate) testbed: Testbed,
}

impl Fleet {
    /// Both are up, mapped, and know of each other by what they say.
    pub(crate) fn start() -> Self {
        let testbed = Testbed::with(Quirks::igd2());
        let port = testbed.free_port();
        let camera = |number, name| {
            let setup = testbed
                .camera(number, name)
                .set("lan", "enabled", true)
                .set("lan", "group", format!("239.255.80.83:{port}"))
                .set("lan", "heartbeat", "500ms")
                .set("site", "key", "the key of this site")
                .set("auth", "public_view", false)
                // Who has looked once finds the camera open.
                .set("camera", "idle_close", "5m")
                .set("debug", "allow_crash", false);
            setup.start()
        };
        let barn = camera(2, "Barn");
        barn.await_leadership();
        let kitchen = camera(3, "Küche");
        testbed.await_entry(REPRESENTATIVE_PORT + 1, &kitchen);
        let fleet = Self {
            barn,
            kitchen,
            testbed,
        };
        for camera in [&fleet.barn, &fleet.kitchen] {
            let what = format!("{} hears both", camera.name);
            eventually(&what, PATIENCE, || {
                let known = cameras(camera)?;
                let heard =
                    |camera: &&Value| camera["id"].is_string() && camera["verified"] == true;
                let heard = known.iter().filter(heard).count();
                ensure(heard == 2, format!("{known:?}"))
            });
        }
        fleet
    }
}

/// The fleet as this camera tells it.
pub(crate) fn cameras(camera: &Camera) -> Result<Vec<Value>, String> {
    let fleet: Value = camera.get("/api/v1/cameras")?.json()?;
    Ok(fleet["cameras"].as_array().cloned().unwrap_or_default())
}

/// What this camera answers at.
pub(crate) fn base(camera: &Camera) -> String {
    format!("http://{}:8080", camera.address())
}
