//! How the management API is set up.

use std::path::PathBuf;

use crate::base::limits::HTTP_BODY_BYTES_MAX;
use crate::config::ListenAddress;

/// The port of the management API when nobody says otherwise.
pub const MANAGEMENT_PORT: u16 = 15672;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManagementSettings {
    /// Where HTTP is spoken; `None`: nowhere.
    pub listener: Option<ListenAddress>,
    /// The socket file for who is on this machine and has the rights of the broker: an administrator without a
    /// login. `None` when nothing is kept on disk.
    pub socket: Option<PathBuf>,
    /// What stands before every path: empty, or with a `/` in front and none at the end.
    pub path_prefix: String,
    /// The largest body of a request, in bytes.
    pub body_bytes_max: usize,
    /// Origins that browsers may call from, `*` for all; empty: none.
    pub cors_origins: Vec<String>,
    /// How long a browser may remember that, in seconds.
    pub cors_max_age_s: u64,
}

impl Default for ManagementSettings {
    fn default() -> Self {
        Self {
            listener: Some(ListenAddress { ip: None, port: MANAGEMENT_PORT }),
            socket: None,
            path_prefix: String::new(),
            body_bytes_max: HTTP_BODY_BYTES_MAX,
            cors_origins: Vec::new(),
            cors_max_age_s: 1800,
        }
    }
}
