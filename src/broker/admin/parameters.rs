//! Parameters of components in virtual hosts, and of the whole broker. The broker keeps them for those
//! who read them (tools, and parts of the broker itself); what they mean is checked by nobody.

use super::Put;
use crate::base::{ParameterName, VhostName};
use crate::broker::notices::Actor;
use crate::broker::{AccountError, Broker};
use crate::store::{self, Change, Done};

impl Broker {
    /// Puts a parameter in the place of the one of its component and name.
    ///
    /// # Errors
    /// [`AccountError::NoSuchVhost`].
    pub fn put_parameter(
        &self,
        by: &Actor,
        parameter: store::Parameter,
        done: Done,
    ) -> Result<Put, AccountError> {
        self.with_vhost(&parameter.vhost.clone(), || {
            self.change_accounts_only(by, done, |accounts| {
                let same = |other: &store::Parameter| {
                    (&other.vhost, &other.component, &other.name)
                        == (&parameter.vhost, &parameter.component, &parameter.name)
                };
                let put = Put::of(accounts.records().parameters.values().any(same));
                Ok((vec![Change::PutParameter(parameter)], put))
            })
        })
    }

    /// Takes a parameter away; whether it was there.
    ///
    /// # Errors
    /// None today; the form is that of the other changes.
    pub fn delete_parameter(
        &self,
        by: &Actor,
        vhost: &VhostName,
        component: &ParameterName,
        name: &ParameterName,
        done: Done,
    ) -> Result<bool, AccountError> {
        self.change_accounts(by, done, |accounts| {
            let was_there = accounts.records().parameters.values().any(|other| {
                (&other.vhost, &other.component, &other.name) == (vhost, component, name)
            });
            let (vhost, component) = (vhost.clone(), component.clone());
            let change = Change::DeleteParameter { vhost, component, name: name.clone() };
            Ok((if was_there { vec![change] } else { Vec::new() }, was_there))
        })
    }

    /// Puts a global parameter in the place of the one of its name.
    ///
    /// # Errors
    /// None today; the form is that of the other changes.
    pub fn put_global_parameter(
        &self,
        by: &Actor,
        parameter: store::GlobalParameter,
        done: Done,
    ) -> Result<Put, AccountError> {
        self.change_accounts(by, done, |accounts| {
            let mut all = accounts.records().global_parameters.values();
            let put = Put::of(all.any(|other| other.name == parameter.name));
            Ok((vec![Change::PutGlobalParameter(parameter)], put))
        })
    }

    /// Takes a global parameter away; whether it was there.
    ///
    /// # Errors
    /// None today; the form is that of the other changes.
    pub fn delete_global_parameter(
        &self,
        by: &Actor,
        name: &ParameterName,
        done: Done,
    ) -> Result<bool, AccountError> {
        self.change_accounts(by, done, |accounts| {
            let mut all = accounts.records().global_parameters.values();
            let was_there = all.any(|other| other.name == *name);
            let change = Change::DeleteGlobalParameter { name: name.clone() };
            Ok((if was_there { vec![change] } else { Vec::new() }, was_there))
        })
    }
}
