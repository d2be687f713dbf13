//! The name of the cluster, which RabbitMQ keeps as a global parameter.

use crate::base::{FieldValue, NameError, ParameterName};
use crate::broker::{AccountError, Actor, Broker};
use crate::store::{Done, GlobalParameter};

const CLUSTER_NAME: &str = "cluster_name";

impl Broker {
    /// The name that somebody gave the cluster; `None`: the one of the configuration holds.
    #[must_use]
    pub fn cluster_name(&self) -> Option<String> {
        self.accounts(|accounts| {
            let mut all = accounts.records().global_parameters.values();
            let given = all.find(|parameter| parameter.name.as_str() == CLUSTER_NAME)?;
            given.value.as_text().map(str::to_owned)
        })
    }

    /// Names the cluster; connections that begin from now on are told.
    ///
    /// # Errors
    /// None today; the form is that of the other changes.
    pub fn set_cluster_name(&self, by: &Actor, name: &str, done: Done) -> Result<(), AccountError> {
        let parameter = GlobalParameter { name: parameter(), value: FieldValue::text(name) };
        self.put_global_parameter(by, parameter, done).map(|_| ())
    }
}

fn parameter() -> ParameterName {
    let name: Result<ParameterName, NameError> = ParameterName::try_from(CLUSTER_NAME);
    name.expect("the name is shorter than 255 bytes")
}
