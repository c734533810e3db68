//! Who notes what becomes of credentials? The record, the metrics and the log, each in its own words; never a value.

use std::sync::Arc;

use audit::event::Event;
use audit::sink::Auditor;
use broker::Missing;
use broker::missing::Cause;
use broker::observer::{Observer, Rotation};
use gateway::clock::Clock;
use gateway::metrics::Metrics;

/// Tells record, metrics and log.
pub(crate) struct Watch {
    pub(crate) auditor: Arc<Auditor>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
}

impl Watch {
    fn record(&self, event: &Event<'_>) {
        if let Err(error) = self.auditor.event(self.clock.unix_milliseconds(), event) {
            tracing::error!(target: "broker", %error, "an event could not be recorded");
        }
    }
}

impl Observer for Watch {
    fn used(&self, credential: &str) {
        self.metrics.credential_used(credential, false);
    }

    fn used_in_grace(&self, credential: &str) {
        self.metrics.credential_used(credential, true);
    }

    fn fetched(&self, credential: &str) {
        self.metrics.credential_fetched(credential, self.clock.unix_seconds());
    }

    fn rotated(&self, rotation: &Rotation<'_>) {
        let Rotation { credential, version_before, version } = *rotation;
        tracing::info!(target: "broker", credential, version, "the credential has been rotated");
        self.metrics.credential_rotated(credential);
        self.record(&Event::Rotated {
            credential: credential.into(),
            version_before: version_before.map(Into::into),
            version: version.map(Into::into),
        });
    }

    fn missing(&self, missing: &Missing, in_a_row: u32) {
        // That somebody has not connected yet is theirs to change, and no trouble of the door's.
        if missing.cause == Cause::NotConnected {
            return;
        }
        self.metrics.credential_missing(&missing.credential, missing.code());
        if in_a_row == 1 {
            tracing::warn!(target: "broker", credential = &*missing.credential, cause = %missing.cause, "a credential cannot be had");
            self.record(&Event::CredentialMissing { credential: (&*missing.credential).into(), reason: missing.code().into() });
        }
    }

    fn recovered(&self, credential: &str) {
        tracing::info!(target: "broker", credential, "the credential is there again");
        self.record(&Event::CredentialRecovered { credential: credential.into() });
    }
}
