//! A plan for people, and for programs.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use super::plan::{Action, Difference, Plan, Step};

impl Action {
    /// For programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Keep => "keep",
            Self::Same => "same",
            Self::Delete => "delete",
        }
    }

    fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Keep => '!',
            Self::Same => '=',
            Self::Delete => '-',
        }
    }
}

impl fmt::Display for Plan {
    /// One line for each thing that is not the same, in columns, then the sum of all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<&Step> =
            self.steps.iter().filter(|step| step.action != Action::Same).collect();
        let width = |text: fn(&Step) -> usize| shown.iter().map(|step| text(step)).max();
        let kinds = width(|step| step.section.as_str().len()).unwrap_or(0);
        let names = width(|step| step.name.chars().count()).unwrap_or(0).min(NAME_WIDTH_MAX);
        let hosts = width(|step| host(step).chars().count()).unwrap_or(0);
        for step in &shown {
            let (kind, name, host) = (step.section.as_str(), one_line(&step.name), host(step));
            let mut line = format!("{} {kind:kinds$}  {name:names$}  ", step.action.sign());
            write!(line, "{host:hosts$}  {}", detail(step))?;
            writeln!(f, "{}", line.trim_end())?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {}", one_line(warning))?;
        }
        let [add, change, delete, keep, same] =
            [Action::Add, Action::Change, Action::Delete, Action::Keep, Action::Same]
                .map(|action| self.count(action));
        write!(
            f,
            "{add} to add, {change} to change, {delete} to delete, {keep} kept, {same} the same"
        )
    }
}

fn host(step: &Step) -> String {
    step.vhost.as_ref().map_or_else(String::new, |vhost| format!("in {}", one_line(vhost)))
}

fn detail(step: &Step) -> String {
    let differences: Vec<String> = step.differences.iter().map(difference).collect();
    let differences = differences.join(", ");
    match step.action {
        Action::Delete if step.messages > 0 => format!("with {} messages", step.messages),
        Action::Keep => format!("stays as it is, the document differs in {differences}"),
        _ => differences,
    }
}

fn difference(one: &Difference) -> String {
    let value = |value: &Option<Value>| match value {
        None => "nothing".to_owned(),
        Some(value) => value.to_string(),
    };
    format!("{}: {} -> {}", one.field, value(&one.before), value(&one.after))
}

/// Names may hold anything; a line stays one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A wider name moves its own line only.
const NAME_WIDTH_MAX: usize = 60;

impl Plan {
    /// For programs: `steps` without those that are the same, `counts`, `warnings`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let steps = self.steps.iter().filter(|step| step.action != Action::Same).map(|step| {
            let differences = step.differences.iter();
            let differences = differences
                .map(|one| json!({ "field": one.field, "before": one.before, "after": one.after }));
            json!({
                "action": step.action.as_str(),
                "kind": step.section.as_str(),
                "name": step.name,
                "vhost": step.vhost,
                "place": step.place,
                "differences": differences.collect::<Vec<_>>(),
                "messages": step.messages,
            })
        });
        json!({
            "steps": steps.collect::<Vec<_>>(),
            "counts": {
                "add": self.count(Action::Add),
                "change": self.count(Action::Change),
                "delete": self.count(Action::Delete),
                "keep": self.count(Action::Keep),
                "same": self.count(Action::Same),
            },
            "warnings": self.warnings,
        })
    }
}
