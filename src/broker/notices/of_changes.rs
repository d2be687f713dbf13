//! What changes of users, permissions, virtual hosts and parameters mean, compared with what was before.

use super::occurrence::{Occurrence, PasswordChange};
use crate::base::{UserName, VhostName};
use crate::broker::Accounts;
use crate::store::{self, Change};

/// What these changes, which are made as one, come to. What goes with a user is not told beside it, and
/// what goes with a virtual host is told as its consequence.
pub(in crate::broker) fn occurrences_of(before: &Accounts, changes: &[Change]) -> Vec<Occurrence> {
    let gone_user = changes.iter().find_map(|change| match change {
        Change::DeleteUser { name } => Some(name),
        _ => None,
    });
    let gone_vhost = changes.iter().find_map(|change| match change {
        Change::DeleteVhost { name } => Some(name),
        _ => None,
    });
    changes.iter().filter_map(|change| one(before, change, gone_user, gone_vhost)).collect()
}

fn one(
    before: &Accounts,
    change: &Change,
    gone_user: Option<&UserName>,
    gone_vhost: Option<&VhostName>,
) -> Option<Occurrence> {
    let with_vhost = |vhost: &VhostName| gone_vhost == Some(vhost);
    let with_user = |user: &UserName| gone_user == Some(user);
    Some(match change {
        Change::PutUser(record) => put_user(before.records().user(&record.name), record),
        Change::DeleteUser { name } => Occurrence::UserDeleted(name.clone()),
        Change::PutPermission(record) => Occurrence::PermissionSet(Box::new(record.clone())),
        Change::DeletePermission { user, vhost } if !with_user(user) => {
            let cascade = with_vhost(vhost);
            Occurrence::PermissionCleared { user: user.clone(), vhost: vhost.clone(), cascade }
        }
        Change::PutTopicPermission(record) => {
            Occurrence::TopicPermissionSet(Box::new(record.clone()))
        }
        Change::DeleteTopicPermission { user, vhost, exchange } if !with_user(user) => {
            Occurrence::TopicPermissionCleared {
                user: user.clone(),
                vhost: vhost.clone(),
                exchange: exchange.clone(),
                cascade: with_vhost(vhost),
            }
        }
        Change::PutParameter(record) => Occurrence::ParameterSet(Box::new(record.clone())),
        Change::DeleteParameter { vhost, component, name } => Occurrence::ParameterCleared {
            vhost: vhost.clone(),
            component: component.clone(),
            name: name.clone(),
            cascade: with_vhost(vhost),
        },
        Change::PutGlobalParameter(record) => {
            Occurrence::GlobalParameterSet(Box::new(record.clone()))
        }
        Change::DeleteGlobalParameter { name } => Occurrence::GlobalParameterCleared(name.clone()),
        // Told where they are made: a virtual host and what is in it, policies, limits.
        _ => return None,
    })
}

fn put_user(before: Option<&store::User>, record: &store::User) -> Occurrence {
    let password =
        match (before.and_then(|before| before.password_hash.as_ref()), &record.password_hash) {
            (before, now) if before == now.as_ref() => PasswordChange::Kept,
            (_, Some(_)) => PasswordChange::Set,
            (_, None) => PasswordChange::Cleared,
        };
    let same_tags = before.is_some_and(|before| before.tags == record.tags);
    Occurrence::UserPut {
        user: record.name.clone(),
        tags: (!same_tags).then(|| record.tags.clone()),
        password,
        new: before.is_none(),
    }
}
