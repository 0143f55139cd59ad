//! A failure as a person needs it: what is wrong, where, what to do, and whether trying again can help.

/// Who can mend a failure. Decides the exit code and whether a Job tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// Network, quota, 5xx, somebody editing: a later run may succeed. Exit code 1.
    Later,
    /// Configuration, key, right, refused deletion: fails again until a person changes something. Exit code 2.
    Person,
}

/// One failure, ready to be shown. `message` names the place (Secret and key, tab, record, field) and what to do; it
/// never holds a secret or personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// CamelCase, one of [`reason`]; ends up in status conditions and metrics.
    pub reason: &'static str,
    pub message: String,
    pub mend: Mend,
}

impl Failure {
    pub fn later(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            mend: Mend::Later,
        }
    }

    pub fn person(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            mend: Mend::Person,
        }
    }

    pub fn exit_code(&self) -> u8 {
        match self.mend {
            Mend::Later => 1,
            Mend::Person => 2,
        }
    }
}

/// A module of constants, each a reason with a line on when it appears, and `ALL` of them: the table for people is held to it.
macro_rules! reasons {
    ($($(#[$line:meta])+ $name:ident = $value:literal,)+) => {
        $($(#[$line])+ pub const $name: &str = $value;)+
        /// Every reason of this module.
        pub const ALL: &[&str] = &[$($value),+];
    };
}
pub(crate) use reasons;

/// Reasons of failures of a sync, each with when it appears.
pub mod reason {
    super::reasons! {
        /// The configuration cannot be read or contradicts itself.
        INVALID_CONFIG = "InvalidConfig",
        /// A mounted Secret or key file, or a variable, is not there (yet).
        SECRET_MISSING = "SecretMissing",
        /// A credential is there and cannot be one (empty, control characters, another kind of key file).
        SECRET_INVALID = "SecretInvalid",
        /// Wedof answered 401 to the key.
        WEDOF_KEY_REFUSED = "WedofKeyRefused",
        /// Wedof answered 403, 404 or 405 for a resource.
        WEDOF_UNAVAILABLE = "WedofUnavailable",
        /// The resource's rows could only be known by personal data, which the spec leaves out.
        PERSONAL_DATA = "PersonalDataOnly",
        /// Nothing of Wedof could be reached at all.
        WEDOF_UNREACHABLE = "WedofUnreachable",
        /// Wedof could not be reached or kept failing (network, 429, 5xx, not JSON).
        WEDOF_ERROR = "WedofError",
        /// A proxy wants another user and password than the variable gives.
        PROXY_REFUSED = "ProxyRefused",
        /// Nobody here knows who issued the certificate that a service, or a proxy in its place, shows.
        CERTIFICATE_NOT_TRUSTED = "CertificateNotTrusted",
        /// A listing could not be read to its end: no row was touched.
        INCOMPLETE_READ = "IncompleteRead",
        /// Google's token endpoint refused the service account's key.
        GOOGLE_KEY_REFUSED = "GoogleKeyRefused",
        /// The local clock differs from Google's.
        CLOCK_SKEW = "ClockSkew",
        /// No spreadsheet has that ID, or it is an Office file.
        SPREADSHEET_NOT_FOUND = "SpreadsheetNotFound",
        /// The spreadsheet is not shared with the service account as editor.
        SPREADSHEET_FORBIDDEN = "SpreadsheetForbidden",
        /// Google could not be reached or kept failing (network, 429, 5xx).
        GOOGLE_ERROR = "GoogleError",
        /// A tab of that name is not ours, or what makes it ours is gone.
        TAB_REFUSED = "TabRefused",
        /// The run would delete more rows than the guard allows.
        DELETION_REFUSED = "DeletionRefused",
        /// People or another run kept changing the tab; three rounds were not enough.
        CONFLICT = "Conflict",
        /// The run's own deadline passed.
        DEADLINE = "DeadlineExceeded",
        /// SIGTERM or Ctrl-C: the run stopped at a batch boundary.
        INTERRUPTED = "Interrupted",
        /// A panic: a defect of this program.
        INTERNAL = "InternalError",
        /// Some resources were synced, others were not.
        PARTIAL = "Partial",
    }
}
