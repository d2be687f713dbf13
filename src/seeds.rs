//! What new virtual hosts are given, made of the settings: patterns are compiled and passwords are hashed at
//! the start, so that a wrong one stops it with its place.

use crate::access::{PasswordError, Permissions, User};
use crate::base::{FieldTable, FieldValue, PolicyName, UserName};
use crate::broker::policy::{NamePattern, Policy, PolicyKind};
use crate::broker::{SeedLimits, SeedPolicy, SeedUser, Seeds, VhostLimits, user_record};
use crate::config::{
    self, ConfigError, Loaded, SeedOperatorPolicy, SeedUser as UserSettings, SeedVhostLimits,
};

/// Reads them.
///
/// # Errors
/// [`ConfigError::Value`] for the first that cannot be used.
pub(crate) fn read(loaded: &Loaded) -> Result<Seeds, ConfigError> {
    let config::SeedSettings { users, operator_policies, vhost_limits } = &loaded.settings.seeds;
    let users = users.iter().map(|(name, user)| seed_user(loaded, name, user));
    let policies = operator_policies.iter().map(|(name, policy)| seed_policy(loaded, name, policy));
    // The first counts, and files number them: 10 comes behind 9.
    let mut limits: Vec<_> = vhost_limits.iter().collect();
    limits.sort_by_key(|(name, _)| (name.parse().unwrap_or(u32::MAX), *name));
    let limits = limits.into_iter().map(|(name, limits)| seed_limits(loaded, name, limits));
    Ok(Seeds {
        users: users.collect::<Result<_, _>>()?,
        operator_policies: policies.collect::<Result<_, _>>()?,
        limits: limits.collect::<Result<_, _>>()?,
    })
}

fn seed_user(loaded: &Loaded, name: &str, user: &UserSettings) -> Result<SeedUser, ConfigError> {
    let of = Keys { loaded, group: "default_users", name };
    let pattern = |pattern: &Option<String>| pattern.clone().unwrap_or_else(|| ".*".to_owned());
    let [configure, write, read] = [&user.configure, &user.write, &user.read].map(pattern);
    for (key, pattern) in [("configure", &configure), ("write", &write), ("read", &read)] {
        let checked = Permissions::parse(pattern, "", "");
        checked.map_err(|error| of.refuse(key, format!("a regular expression: {error}")))?;
    }
    let vhosts = of.pattern("vhost_pattern", user.vhost_pattern.as_ref())?;
    let parsed = UserName::parse(name.as_bytes());
    let parsed = parsed.map_err(|error| of.refuse("password", format!("a user name: {error}")))?;
    let hashed = hashed(parsed, user);
    let hashed = hashed.map_err(|error| of.refuse("password", format!("a password: {error}")))?;
    if user.password.is_none() {
        tracing::debug!(
            user = name,
            "this default user has no password and cannot log in with one"
        );
    }
    Ok(SeedUser { vhosts, user: user_record(&hashed), configure, write, read })
}

fn hashed(name: UserName, settings: &UserSettings) -> Result<User, PasswordError> {
    let tags = settings.tags.clone();
    match &settings.password {
        Some(password) => User::with_password(name, password.0.as_bytes(), tags),
        None => Ok(User { name, password: None, tags }),
    }
}

fn seed_policy(
    loaded: &Loaded,
    name: &str,
    policy: &SeedOperatorPolicy,
) -> Result<SeedPolicy, ConfigError> {
    let of = Keys { loaded, group: "default_policies.operator", name };
    let vhosts = of.pattern("vhost_pattern", policy.vhost_pattern.as_ref())?;
    of.pattern("queue_pattern", policy.queue_pattern.as_ref())?;
    let setting = |(key, value): (&&str, &u64)| {
        Some(((*key).try_into().ok()?, FieldValue::I64(i64::try_from(*value).ok()?)))
    };
    let definition: FieldTable = policy.definition.iter().filter_map(setting).collect();
    let queues = policy.queue_pattern.as_deref().unwrap_or(".*");
    let apply_to = policy.apply_to.unwrap_or("all");
    let value = Policy::table(queues, apply_to, 0, FieldValue::Table(definition));
    let parsed = PolicyName::try_from(name).map_err(|error| error.to_string());
    let parsed = parsed.and_then(|name| {
        let policy = Policy::parse(PolicyKind::Operator, name, &value);
        policy.map_err(|error| error.lines().join("; "))
    });
    let policy = parsed.map_err(|error| {
        let keys = "max_length, max_length_bytes, message_ttl, expires, delivery_limit";
        of.refuse_any(format!("an operator policy that sets one of {keys}: {error}"))
    })?;
    Ok(SeedPolicy { vhosts, policy })
}

fn seed_limits(
    loaded: &Loaded,
    name: &str,
    limits: &SeedVhostLimits,
) -> Result<SeedLimits, ConfigError> {
    let of = Keys { loaded, group: "default_limits.vhosts", name };
    let vhosts = of.pattern("pattern", limits.pattern.as_ref())?;
    let most = |most: Option<u64>| most.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
    let (max_connections, max_queues) = (most(limits.max_connections), most(limits.max_queues));
    Ok(SeedLimits { vhosts, limits: VhostLimits { max_connections, max_queues } })
}

/// The keys of one thing that has a name.
struct Keys<'a> {
    loaded: &'a Loaded,
    group: &'static str,
    name: &'a str,
}

impl Keys<'_> {
    /// Of virtual hosts or queues; without one it matches each of them.
    fn pattern(&self, key: &str, text: Option<&String>) -> Result<NamePattern, ConfigError> {
        let pattern = NamePattern::parse(text.map_or("", String::as_str));
        pattern.map_err(|error| self.refuse(key, format!("a regular expression: {error}")))
    }

    fn refuse(&self, key: &str, expected: String) -> ConfigError {
        self.loaded.refuse(&format!("{}{key}", self.begin()), expected)
    }

    /// For what no key is wrong about alone: the first that was given is named.
    fn refuse_any(&self, expected: String) -> ConfigError {
        let begin = self.begin();
        let given = self.loaded.values.keys().find(|key| key.starts_with(&begin));
        self.loaded.refuse(given.unwrap_or(&begin), expected)
    }

    /// As in a file: a dot in the name is marked as no boundary.
    fn begin(&self) -> String {
        format!("{}.{}.", self.group, self.name.replace('.', "\\."))
    }
}
