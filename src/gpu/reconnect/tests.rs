use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// Answer of each GPU, or the reason why none answers.
type Answer = Result<Vec<Result<Device, NvmlError>>, NvmlError>;

/// Opens and answers as it is told, and counts what is open.
#[derive(Clone, Default)]
struct Fake {
    opens: Arc<Mutex<VecDeque<Result<(), NvmlError>>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    open: Arc<AtomicU32>,
}

struct FakeSession {
    of: Fake,
    now: Mutex<Vec<Option<Result<Device, NvmlError>>>>,
}

impl Library for Fake {
    type Session = FakeSession;

    fn open(&self) -> Result<FakeSession, NvmlError> {
        assert_eq!(self.open.load(Ordering::SeqCst), 0, "the old session is still open");
        self.opens.lock().pop_front().unwrap()?;
        self.open.fetch_add(1, Ordering::SeqCst);
        Ok(FakeSession { of: self.clone(), now: Mutex::default() })
    }
}

impl Session for FakeSession {
    fn version(&self) -> Result<String, NvmlError> {
        Ok("595.58.03".to_owned())
    }

    fn count(&self) -> Result<u32, NvmlError> {
        let cards = self.of.answers.lock().pop_front().unwrap()?;
        let count = u32::try_from(cards.len()).unwrap();
        *self.now.lock() = cards.into_iter().map(Some).collect();
        Ok(count)
    }

    fn device(&self, index: u32) -> Result<Device, NvmlError> {
        self.now.lock()[index as usize].take().unwrap()
    }
}

impl Drop for FakeSession {
    fn drop(&mut self) {
        self.of.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Answers to as many questions, with all that was prepared used up.
fn ask<const N: usize>(opens: Vec<Result<(), NvmlError>>, answers: Vec<Answer>) -> [GpuStatus; N] {
    let fake = Fake {
        opens: Arc::new(Mutex::new(opens.into())),
        answers: Arc::new(Mutex::new(answers.into())),
        open: Arc::default(),
    };
    let kept = Reconnecting::new(fake.clone());
    let told = std::array::from_fn(|_| kept.status());
    assert!(fake.opens.lock().is_empty() && fake.answers.lock().is_empty());
    told
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside failures")]
fn card(index: u32, name: &str) -> Result<Device, NvmlError> {
    Ok(Device {
        index,
        name: name.to_owned(),
        memory_total_bytes: 24 << 30,
        memory_used_bytes: 1 << 30,
        ..Device::default()
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside failures")]
fn two() -> Answer {
    Ok(vec![card(0, "NVIDIA L4"), card(1, "NVIDIA T4")])
}

fn names(status: &GpuStatus) -> Vec<&str> {
    status.devices.iter().map(|device| device.name.as_str()).collect()
}

#[test]
fn two_gpus_are_told_through_one_session() {
    let [first, second] = ask(vec![Ok(())], vec![two(), two()]);
    assert!(first.available);
    assert_eq!(first.reason, None);
    assert_eq!(first.driver_version.as_deref(), Some("595.58.03"));
    assert_eq!(names(&first), ["NVIDIA L4", "NVIDIA T4"]);
    assert_eq!(first, second);
}

#[test]
fn a_full_gpu_is_told_as_it_is() {
    let full = Device {
        memory_used_bytes: 24 << 30,
        encoder_percent: Some(100),
        encoder_sessions: Some(8),
        ..card(0, "NVIDIA L4").unwrap()
    };
    let [told] = ask(vec![Ok(())], vec![Ok(vec![Ok(full.clone())])]);
    assert_eq!(told.devices, [full]);
}

#[test]
fn a_driver_without_gpus_answers() {
    let [told] = ask(vec![Ok(())], vec![Ok(Vec::new())]);
    assert!(told.available && told.reason.is_none() && told.devices.is_empty());
}

#[test]
fn an_absent_library_is_a_value_and_may_come_later() {
    let [absent, there] = ask(vec![Err(NvmlError::LibraryNotFound), Ok(())], vec![two()]);
    assert!(!absent.available && absent.devices.is_empty());
    assert!(absent.reason.unwrap().contains("install its driver"));
    assert!(there.available);
}

#[test]
fn a_driver_that_was_loaded_anew_is_found_again() {
    for stale in [
        NvmlError::Uninitialized,
        NvmlError::DriverNotLoaded,
        NvmlError::LibRmVersionMismatch,
        NvmlError::Unknown,
        NvmlError::GpuLost,
    ] {
        let name = stale.to_string();
        // Its old session fails, and a new one works at once.
        let [_, at_once] = ask(vec![Ok(()), Ok(())], vec![two(), Err(stale), two()]);
        assert!(at_once.available && at_once.reason.is_none(), "{name}");
    }
    // While it is loaded none can be opened; then one can.
    let [before, during, after] = ask(
        vec![Ok(()), Err(NvmlError::DriverNotLoaded), Ok(())],
        vec![two(), Err(NvmlError::Uninitialized), two()],
    );
    assert!(during.reason.unwrap().contains("load the kernel module"));
    assert_eq!((during.available, during.devices), (false, Vec::new()));
    assert_eq!(before, after);
}

#[test]
fn handles_that_are_stale_are_not_taken_for_lost_cards() {
    let stale = || Ok(vec![Err(NvmlError::GpuLost), Err(NvmlError::GpuLost)]);
    let [before, after] = ask(vec![Ok(()), Ok(())], vec![two(), stale(), two()]);
    assert_eq!(before, after);
}

#[test]
fn a_lost_card_hides_no_other_and_comes_back() {
    let lost = || Ok(vec![card(0, "NVIDIA L4"), Err(NvmlError::GpuLost)]);
    let [before, without, after] =
        ask(vec![Ok(()), Ok(()), Ok(())], vec![two(), lost(), lost(), two()]);
    assert!(without.available);
    assert_eq!(names(&without), ["NVIDIA L4"]);
    assert!(without.reason.unwrap().starts_with("GPU 1 does not answer"));
    assert_eq!(before, after);
    // The index of those behind it stays: it is that of the bus.
    let first = Ok(vec![Err(NvmlError::GpuLost), card(1, "NVIDIA T4")]);
    let [told] = ask(vec![Ok(())], vec![first]);
    assert_eq!(told.devices[0].index, 1);
    let [none] = ask(vec![Ok(())], vec![Ok(vec![Err(NvmlError::GpuLost)])]);
    assert!(!none.available);
}

#[test]
fn gpus_of_others_are_left_out() {
    let others = || Ok(vec![card(0, "NVIDIA L4"), Err(NvmlError::NoPermission)]);
    let [first, second] = ask(vec![Ok(())], vec![others(), others()]);
    assert_eq!((first.available, &first.reason, first.devices.len()), (true, &None, 1));
    assert_eq!(first, second);
    let [none] = ask(vec![Ok(())], vec![Ok(vec![Err(NvmlError::NoPermission)])]);
    assert!(!none.available);
    assert!(none.reason.unwrap().contains("/dev/nvidia*"));
}

#[test]
fn failures_say_what_to_do() {
    for (error, advice) in [
        (NvmlError::LibraryNotFound, "libnvidia-ml.so.1"),
        (NvmlError::FailedToLoadSymbol("nvmlInit_v2".to_owned()), "update it"),
        (NvmlError::DriverNotLoaded, "kernel module"),
        (NvmlError::LibRmVersionMismatch, "restart the machine"),
        (NvmlError::NoPermission, "DeviceAllow"),
        (NvmlError::GpuLost, "fallen off the bus"),
        (NvmlError::ResetRequired, "--gpu-reset"),
        (NvmlError::Unknown, "nvidia-smi"),
    ] {
        let (why, remedy) = told("GPU 0", &error);
        let status = GpuStatus::absent_until(&why, remedy.clone());
        assert_eq!((status.why(), status.remedy.as_ref()), (Some(why.as_str()), Some(&remedy)));
        let told = status.reason.unwrap();
        assert!(told.contains(advice), "{told}");
        assert!(why.contains(&error.to_string()), "{told}");
    }
}
