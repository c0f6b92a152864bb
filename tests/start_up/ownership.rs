//! Routers in secure mode: who asks is known by the address that the request comes from.

use porthole_sim_router::{Access, AddForOther, DeleteOfOther, Quirks};

use crate::support::lab::{PATIENCE, Role};
use crate::support::wait::eventually;
use crate::testbed::{REPRESENTATIVE_PORT, Testbed, await_requests};

#[test]
fn in_secure_mode_each_of_two_cameras_of_one_machine_maps_its_own_address() {
    // Both codes that such routers refuse others with.
    for (add_for_other, delete_of_other) in [
        (AddForOther::Conflict, DeleteOfOther::NotAuthorized),
        (AddForOther::NotAuthorized, DeleteOfOther::NoSuchEntry),
    ] {
        let testbed = Testbed::with(Quirks {
            access: Access::Secure,
            add_for_other,
            delete_of_other,
            ..Quirks::igd2()
        });
        let first = testbed.camera(2, "Front door").start();
        let leadership = first.await_leadership();
        testbed.await_entry(REPRESENTATIVE_PORT, &first);
        let second = testbed.camera(3, "Garden").start();
        second.await_port(8081);
        testbed.await_entry(8081, &second);
        for port in [REPRESENTATIVE_PORT, 8081] {
            eventually("reached from outside", PATIENCE, || {
                testbed.get_outside(port, "/healthz")
            });
        }
        await_requests(&first, "AddPortMapping", 2);
        let status = first.status().unwrap();
        assert_eq!(
            (status.role, status.term),
            (Role::Representative, leadership.term)
        );
    }
}
