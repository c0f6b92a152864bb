//! Where a program runs and a request is made: inside the lab, or on this machine as it is.

use super::{Host, Namespace};

/// A place on some network.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// This machine as it is.
    Here,
    /// A namespace of a lab.
    Inside(Namespace),
    /// A host of a lab.
    Host(Host),
}

impl Place {
    /// Does `work` there: the sockets it opens and the programs it starts belong there.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match self {
            Self::Here => work(),
            Self::Inside(namespace) => namespace.run(work),
            Self::Host(host) => host.namespace.run(work),
        }
    }
}

impl From<Namespace> for Place {
    fn from(namespace: Namespace) -> Self {
        Self::Inside(namespace)
    }
}
