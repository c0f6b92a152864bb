//! Routers that lie about one write: what they say is not what they did.
//!
//! [`Quirks`](crate::Quirks) are habits, the same at every request. This is what goes wrong once.
//! Nothing is random here: whoever drives the table says for each request how it is treated.

use std::net::Ipv4Addr;

use porthole_types::ExternalPort;

use crate::fault::Fault;
use crate::table::{AddOutcome, Mapping, Protocol, Table, TableEntry};
use crate::time::TimePoint;

/// How one request to add is treated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AddConduct<T> {
    /// By the rules of the table.
    #[default]
    Honest,
    /// OK where the rules allow it, and nothing is stored.
    Forget,
    /// Stored where the rules allow it, and then refused all the same.
    StoreButRefuse(Fault),
    /// Refused although the rules may allow it: the router is busy.
    Refuse(Fault),
    /// OK where the rules allow it, and another device's mapping has come in between.
    Overtaken(TableEntry<T>),
}

/// How one request to delete is treated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeleteConduct<T> {
    /// By the rules of the table.
    #[default]
    Honest,
    /// OK where the rules allow it, and nothing is deleted.
    Forget,
    /// Refused although the rules may allow it.
    Refuse(Fault),
    /// Deleted where the rules allow it, and then refused all the same.
    DeleteButRefuse(Fault),
    /// Deleted where the rules allow it, and a device has asked for the port right after.
    Overtaken(TableEntry<T>),
}

impl<T: TimePoint> Table<T> {
    /// [`Table::add`] by a router that treats it in this way.
    ///
    /// # Errors
    /// As [`Table::add`], and with the fault of `conduct`.
    pub fn add_with(
        &mut self,
        conduct: AddConduct<T>,
        now: T,
        requester: Ipv4Addr,
        mapping: Mapping,
        asked: u32,
    ) -> Result<AddOutcome<T>, Fault> {
        match conduct {
            AddConduct::Honest => self.add(now, requester, mapping, asked),
            AddConduct::Refuse(fault) => Err(fault),
            AddConduct::Forget => {
                self.check_add(now, requester, &mapping, asked)?;
                Ok(AddOutcome::NotStored)
            }
            AddConduct::StoreButRefuse(fault) => {
                self.add(now, requester, mapping, asked)?;
                Err(fault)
            }
            AddConduct::Overtaken(entry) => {
                self.check_add(now, requester, &mapping, asked)?;
                self.put(entry);
                Ok(AddOutcome::NotStored)
            }
        }
    }

    /// [`Table::delete`] by a router that treats it in this way; gives what was really taken out.
    ///
    /// # Errors
    /// As [`Table::delete`], and with the fault of `conduct`.
    pub fn delete_with(
        &mut self,
        conduct: DeleteConduct<T>,
        now: T,
        requester: Ipv4Addr,
        protocol: Protocol,
        port: ExternalPort,
    ) -> Result<Option<TableEntry<T>>, Fault> {
        match conduct {
            DeleteConduct::Honest => self.delete(now, requester, protocol, port),
            DeleteConduct::Refuse(fault) => Err(fault),
            DeleteConduct::Forget => {
                self.check_delete(now, requester, protocol, port)?;
                Ok(None)
            }
            DeleteConduct::DeleteButRefuse(fault) => {
                self.delete(now, requester, protocol, port)?;
                Err(fault)
            }
            DeleteConduct::Overtaken(entry) => {
                let old = self.delete(now, requester, protocol, port)?;
                self.put(entry);
                Ok(old)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use porthole_types::InternalPort;

    use super::*;
    use crate::quirks::Quirks;

    const ASKS: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 11);
    const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 12);
    const NOW: Duration = Duration::from_mins(1);

    fn port() -> ExternalPort {
        ExternalPort::new(8080).unwrap()
    }

    fn mapping(client: Ipv4Addr) -> Mapping {
        Mapping {
            protocol: Protocol::Tcp,
            external_port: port(),
            client,
            internal_port: InternalPort::new(8080).unwrap(),
            description: String::new(),
        }
    }

    fn others() -> TableEntry<Duration> {
        TableEntry {
            mapping: mapping(OTHER),
            lease_end: None,
        }
    }

    fn holder(table: &Table<Duration>) -> Option<Ipv4Addr> {
        let entry = table.get(NOW, Protocol::Tcp, port())?;
        Some(entry.mapping.client)
    }

    #[test]
    fn what_is_said_of_an_add_is_not_what_was_done() {
        let busy = Fault::ActionFailed;
        for (conduct, answer, stored) in [
            (AddConduct::Honest, Ok(()), Some(ASKS)),
            (AddConduct::Forget, Ok(()), None),
            (AddConduct::StoreButRefuse(busy), Err(busy), Some(ASKS)),
            (AddConduct::Refuse(busy), Err(busy), None),
            (AddConduct::Overtaken(others()), Ok(()), Some(OTHER)),
        ] {
            let mut table = Table::new(Quirks::igd2(), NOW);
            let said = table.add_with(conduct.clone(), NOW, ASKS, mapping(ASKS), 30);
            assert_eq!(said.map(|_| ()), answer, "{conduct:?}");
            assert_eq!(holder(&table), stored, "{conduct:?}");
        }
    }

    #[test]
    fn a_lying_router_still_refuses_what_the_rules_refuse() {
        for conduct in [
            AddConduct::Forget,
            AddConduct::StoreButRefuse(Fault::ActionFailed),
            AddConduct::Overtaken(others()),
        ] {
            let mut table = Table::new(Quirks::igd2(), NOW);
            table.put(others());
            let said = table.add_with(conduct, NOW, ASKS, mapping(ASKS), 30);
            assert_eq!(said, Err(Fault::Conflict));
            assert_eq!(holder(&table), Some(OTHER));
        }
    }

    #[test]
    fn what_is_said_of_a_delete_is_not_what_was_done() {
        let refused = Fault::NotAuthorized;
        for (conduct, answer, left) in [
            (DeleteConduct::Honest, Ok(true), None),
            (DeleteConduct::Forget, Ok(false), Some(ASKS)),
            (DeleteConduct::Refuse(refused), Err(refused), Some(ASKS)),
            (DeleteConduct::DeleteButRefuse(refused), Err(refused), None),
            (DeleteConduct::Overtaken(others()), Ok(true), Some(OTHER)),
        ] {
            let mut table = Table::new(Quirks::igd2(), NOW);
            table.add(NOW, ASKS, mapping(ASKS), 30).unwrap();
            let said = table.delete_with(conduct.clone(), NOW, OTHER, Protocol::Tcp, port());
            assert_eq!(said.map(|old| old.is_some()), answer, "{conduct:?}");
            assert_eq!(holder(&table), left, "{conduct:?}");
        }
    }
}
