//! Does the changed file say to its reader what the old one said? Both are read, and every value is compared with what it should have become.

use zeroize::Zeroizing;

use super::bridge::Heard;
use super::splice::items;
use super::wrap::{Arguments, Launcher};
use super::{Move, Name, Plan};
use crate::document::{Document, Entry, Node, Span, Value};

/// Whether the new text, read as its format is read, has the values of the old one with references in the place of secrets, and the launcher in front.
pub(super) fn says_the_same(plan: &Plan, before: &str, after: &str, names: &[Name], launcher: &Launcher) -> bool {
    let (old, new) = (Document::read(before, plan.format), Document::read(after, plan.format));
    if new.broken.is_some() || old.comments.len() != new.comments.len() {
        return false;
    }
    let mut expected = Expected { plan, before, names, launcher, said: Vec::new() };
    expected.walk(&old.root);
    let mut found = Vec::new();
    say(&new.root, &mut found);
    expected.said == found
}

/// A document as its reader hears it.
#[derive(PartialEq, Eq)]
enum Said {
    Close,
    Name(String),
    Open,
    Text(Zeroizing<String>),
}

struct Expected<'e> {
    plan: &'e Plan,
    before: &'e str,
    names: &'e [Name],
    launcher: &'e Launcher,
    said: Vec<Said>,
}

impl Expected<'_> {
    fn walk(&mut self, node: &Node) {
        match &node.value {
            Value::List(items) => {
                self.said.push(Said::Open);
                self.launched(|arguments| matches!(arguments, Arguments::Into { list, .. } if *list == node.span));
                for item in items {
                    self.walk(item);
                }
                self.said.push(Said::Close);
            }
            Value::Table(entries) => {
                self.said.push(Said::Open);
                for entry in entries {
                    self.entry(entry);
                }
                self.said.push(Said::Close);
            }
            Value::Text(_) | Value::Word(_) => self.scalar(node),
        }
    }

    fn entry(&mut self, entry: &Entry) {
        let (plan, names, launcher) = (self.plan, self.names, self.launcher);
        let heard = plan.bridges.iter().find_map(|bridge| bridge.heard(entry, plan, names, launcher));
        match heard {
            None => {
                self.said.push(Said::Name(entry.name.clone()));
                self.walk(&entry.node);
            }
            Some(Heard::Kind(kind)) => self.said.extend([Said::Name(entry.name.clone()), Said::Text(kind.to_owned().into())]),
            Some(Heard::Nothing) => {}
            Some(Heard::Program(program, arguments)) => {
                self.said.extend([Said::Name("command".to_owned()), Said::Text(program.into()), Said::Name("args".to_owned()), Said::Open]);
                self.said.extend(arguments.into_iter().map(|word| Said::Text(word.into())));
                self.said.push(Said::Close);
            }
        }
    }

    fn scalar(&mut self, node: &Node) {
        let is_command = self.plan.wraps.iter().any(|wrap| wrap.command.as_ref().is_some_and(|(span, _)| *span == node.span));
        if !is_command {
            let text = self.replaced(node);
            return self.said.push(Said::Text(text));
        }
        self.said.push(Said::Text(self.launcher.program.clone().into()));
        let behind = |arguments: &Arguments| matches!(arguments, Arguments::Behind { node: command, .. } if *command == node.span);
        if self.plan.wraps.iter().any(|wrap| behind(&wrap.arguments)) {
            self.said.extend([Said::Name("args".to_owned()), Said::Open]);
            self.launched(behind);
            self.said.push(Said::Close);
        }
    }

    /// The words of the launcher, where a wrap puts them here.
    fn launched(&mut self, here: impl Fn(&Arguments) -> bool) {
        for wrap in self.plan.wraps.iter().filter(|wrap| here(&wrap.arguments)) {
            self.said.extend(items(wrap, self.launcher).into_iter().map(|item| Said::Text(item.into())));
        }
    }

    /// A text with what stands there in the place of its secrets.
    fn replaced(&self, node: &Node) -> Zeroizing<String> {
        let mut text = Zeroizing::new(node.text().unwrap_or_default().to_owned());
        for (each, name) in self.plan.moves.iter().zip(self.names).filter(|(each, _)| inside(each, &node.span)) {
            let value = self.before.get(each.span.clone()).filter(|raw| *raw == each.value.as_str()).unwrap_or(&each.value);
            text = Zeroizing::new(text.replacen(value, &self.plan.meant(each, name), 1));
        }
        text
    }
}

fn inside(each: &Move, span: &Span) -> bool {
    each.scalar.as_ref() == Some(span)
}

fn say(node: &Node, said: &mut Vec<Said>) {
    match &node.value {
        Value::List(items) => {
            said.push(Said::Open);
            for item in items {
                say(item, said);
            }
            said.push(Said::Close);
        }
        Value::Table(entries) => {
            said.push(Said::Open);
            for entry in entries {
                said.push(Said::Name(entry.name.clone()));
                say(&entry.node, said);
            }
            said.push(Said::Close);
        }
        Value::Text(_) | Value::Word(_) => said.push(Said::Text(Zeroizing::new(node.text().unwrap_or_default().to_owned()))),
    }
}
