//! `porthole run`: one camera server.

use std::sync::Arc;
use std::time::SystemTime;

use actix::System;
use tracing::warn;

use super::Config;
use crate::auth::{Authority, FirstPassword};
use crate::durable::{StateFile, StoredState};
use crate::http::{parse_errors, route_paths};
use crate::lan::interface::{self, LanAddress};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::shared::{Clock, Identity, Initial, Names};
use crate::tls::{Tls, TlsError};
use crate::tree;
use porthole_durable::Writer;
use porthole_election::{self as election, Memory, Rules, State};
use porthole_supervise as supervise;
use porthole_types::BootId;

/// Runs until told to end; the answer is the exit code.
///
/// # Errors
/// Wrong settings, a data directory that cannot be used, or a system that refuses threads.
pub fn run(config: &Config) -> anyhow::Result<i32> {
    let clock = Clock::start();
    let settings = config.load()?;
    supervise::install_hook();
    let file = StateFile::new(&settings.node.data_dir);
    let (mut stored, _) = file.load()?;
    let identity = Identity {
        id: stored.instance,
        boot: BootId(getrandom::u64()?),
    };
    prepare_login(&file, &settings, &mut stored)?;
    let authority = Authority::new(&settings, &stored.login)?.with_lost_state(stored.lost.clone());
    let disk = Writer::start(file, stored.clone())?;
    let (shared, publishers) = initial(settings, identity, clock, stored, authority, disk)?.share();
    let malformed = shared.metrics.http_malformed_requests_total.clone();
    Ok(System::new().block_on(async {
        // Beside the actors: it counts of the whole process, and must not end with one of them.
        actix::spawn(parse_errors::tell(malformed));
        tree::run(Arc::new(shared), publishers).await
    })?)
}

/// Makes the password of a first start and the secret that signs sessions, where they are missing,
/// and logs the password once both are stored.
fn prepare_login(
    file: &StateFile,
    settings: &Settings,
    stored: &mut StoredState,
) -> anyhow::Result<()> {
    let before = stored.login.clone();
    let made = if let Some(lost) = stored.locked() {
        warn!("{}", lost.words());
        stored.login.prepare_sessions(settings)?;
        None
    } else {
        stored.login.prepare(settings, &stored.auth_state)?
    };
    if stored.login != before
        && let Err(error) = file.save(stored)
    {
        warn!(%error, "each start will make another password and end all sessions");
    }
    if let Some(FirstPassword { password, of_site }) = made {
        let whose = if of_site {
            "It is the same on every camera with this site.key."
        } else {
            "It is this camera's alone: give all cameras the same site.key, \
             and one login opens them all."
        };
        warn!(
            "no admin password is set, so one was made: log in as admin with the password \
             {password} on the page /login. {whose} It is told this once. Choose your own with \
             PUT /api/v1/passwords or the setting auth.admin_password."
        );
    }
    Ok(())
}

fn initial(
    settings: Settings,
    identity: Identity,
    clock: Clock,
    stored: StoredState,
    authority: Authority,
    disk: Writer<StoredState>,
) -> Result<Initial, TlsError> {
    let lan = if settings.lan.enabled {
        election::LanMessaging::Enabled
    } else {
        election::LanMessaging::Disabled
    };
    let rules = Rules {
        me: identity.id,
        representative_port: settings.router.representative_port,
        range: settings.router.port_range,
        representative_lease: settings.router.representative_lease,
        lease: settings.router.lease,
        heartbeat: settings.lan.heartbeat,
        missed_limit: settings.election.missed_limit.get().into(),
        detection: settings.election.detection.clone(),
        succession: settings.election.succession,
        lan,
    };
    let was_representative = stored.mapped_port == Some(rules.representative_port);
    let memory = if was_representative {
        Memory::WasRepresentative
    } else {
        Memory::None
    };
    let mut state = State::new(stored.term, stored.mapped_port, memory)
        .with_remote_access(stored.remote_access);
    if let Some(mappings) = &stored.mappings {
        state = state.with_ledger(mappings.iter().copied());
    }
    let names = Names {
        chosen: stored.chosen_name.clone(),
        configured: Some(settings.node.name.clone()).filter(|name| !name.is_empty()),
        numbered: stored.name.clone(),
    };
    let lan = interface::find(settings.node.interface.as_deref(), settings.http.bind);
    let tls = Tls::start(
        &settings.http.tls,
        &settings.node.data_dir,
        &certificate_names(&settings, identity, lan.as_ref().ok()),
        SystemTime::now(),
    )?;
    Ok(Initial {
        settings,
        identity,
        clock,
        metrics: Metrics::new(route_paths()),
        rules,
        election: state,
        names,
        lan,
        overrides: stored.camera,
        auth_state: stored.auth_state,
        authority,
        disk,
        tls,
    })
}

/// The names and addresses for which a certificate is made: this server's own name first, then
/// whatever else clients may address it by.
fn certificate_names(
    settings: &Settings,
    identity: Identity,
    lan: Option<&LanAddress>,
) -> Vec<String> {
    let mut names = vec![identity.local_host()];
    names.extend(lan.map(|lan| lan.address.to_string()));
    names.extend(settings.router.external_host.clone());
    names.extend(settings.http.hosts.iter().cloned());
    names
}
