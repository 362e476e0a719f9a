//! Rules of the sandbox that the daemon, its trials and its workers agree on.

use serde::{Deserialize, Serialize};

use super::recipe::{DeviceKind, Recipe};

/// Effect of a layer that the kernel does not enforce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// No job runs.
    #[default]
    Require,
    /// Jobs run with the other layers, and each has a warning.
    Degrade,
}

/// The system calls that a process may make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Calls {
    /// Those that decoders and encoders on the processor need.
    #[default]
    Processor,
    /// Those, the ones that drivers of GPUs need, and these, by name.
    Device {
        /// Names of further calls.
        also: Vec<String>,
    },
    /// All except the harmful ones, for drivers that do not work otherwise.
    DenyList,
}

impl Calls {
    /// The calls of a process that may run any of these recipes.
    pub fn of<'a>(recipes: impl IntoIterator<Item = &'a Recipe>) -> Self {
        let mut also = Vec::new();
        let mut has_device = false;
        for recipe in recipes {
            if recipe.has_deny_list {
                return Self::DenyList;
            }
            has_device |= recipe.device != DeviceKind::Cpu;
            also.extend(recipe.calls.iter().cloned());
        }
        if has_device || !also.is_empty() { Self::Device { also } } else { Self::Processor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(device: DeviceKind, calls: &[&str], has_deny_list: bool) -> Recipe {
        let calls = calls.iter().map(|name| (*name).to_owned()).collect();
        Recipe { device, calls, has_deny_list, ..Recipe::default() }
    }

    #[test]
    fn a_worker_gets_the_calls_of_all_its_backends() {
        let cpu = recipe(DeviceKind::Cpu, &[], false);
        let gpu = recipe(DeviceKind::Va, &["kcmp"], false);
        let odd = recipe(DeviceKind::Cuda, &[], true);
        assert_eq!(Calls::of([&cpu]), Calls::Processor);
        assert_eq!(Calls::of([&gpu, &cpu]), Calls::Device { also: vec!["kcmp".to_owned()] });
        assert_eq!(Calls::of([&gpu, &odd, &cpu]), Calls::DenyList);
    }
}
