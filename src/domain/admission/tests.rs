use proptest::prelude::*;

use super::*;

const JOB: Cost = Cost { pixels_per_sec: 100e6, sessions: 4 };
/// A job without video.
const SOUND: Cost = Cost { pixels_per_sec: 0.0, sessions: 0 };

#[test]
fn the_usual_ladder_costs_what_its_rungs_cost() {
    let cost = Cost::of(&Ladder::default());
    // 1920x1080, 1280x720, 853.3x480 and 640x360, 30 times a second.
    let pixels = 30.0 * (2_073_600.0 + 921_600.0 + 409_600.0 + 230_400.0);
    assert!((cost.pixels_per_sec - pixels).abs() < 1.0, "{cost:?}");
    assert_eq!(cost.sessions, 4);
}

#[test]
fn a_gpu_takes_jobs_by_pixels_and_by_sessions() {
    let table = [
        (Some(1e9), None, JOB, 10),
        (Some(1e9), Some(8), JOB, 2),
        (Some(199e6), Some(8), JOB, 1),
        // Slower than it is watched, but it goes on.
        (Some(50e6), None, JOB, 1),
        (Some(0.0), Some(5), JOB, 1),
        (None, None, JOB, 1),
        (None, Some(8), JOB, 1),
        // One job alone needs more than there are.
        (Some(1e9), Some(3), JOB, 0),
        (None, Some(3), JOB, 0),
        // A value that cannot have been measured.
        (Some(f64::NAN), None, JOB, 1),
        (Some(-1.0), None, JOB, 1),
        (Some(f64::INFINITY), None, JOB, 64),
        (Some(1e9), Some(3), SOUND, 64),
    ];
    for (pixels_per_sec, max_sessions, cost, expected) in table {
        let capacity = Capacity { pixels_per_sec, max_sessions };
        assert_eq!(gpu_slots(&capacity, &cost), expected, "{capacity:?} {cost:?}");
    }
}

#[test]
fn a_processor_takes_more_than_one_job_only_where_both_keep_up() {
    let table = [
        (1, 0.0, 1),
        (2, 1e9, 1),
        (3, 1e9, 1),
        (4, 1e9, 2),
        (16, 50e6, 1),
        (16, 199e6, 1),
        (16, 350e6, 3),
        (16, f64::NAN, 1),
        (256, f64::INFINITY, 64),
    ];
    for (cores, pixels_per_sec, expected) in table {
        assert_eq!(cpu_slots(cores, pixels_per_sec, &JOB), expected, "{cores} {pixels_per_sec}");
    }
}

fn idle(index: u32) -> Device {
    Device {
        index,
        name: "NVIDIA L4".to_owned(),
        memory_total_bytes: 24 << 30,
        memory_used_bytes: 1 << 30,
        encoder_percent: Some(10),
        decoder_percent: Some(5),
        encoder_sessions: Some(0),
        ..Device::default()
    }
}

fn slowed(reasons: &[&str]) -> Device {
    let throttle_reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
    Device { throttle_reasons, ..idle(0) }
}

#[test]
fn a_full_gpu_says_why() {
    let limited = Thresholds { max_sessions: Some(8), ..Thresholds::default() };
    let free = |free_bytes: u64| Device { memory_used_bytes: (24 << 30) - free_bytes, ..idle(0) };
    let encoder = |percent| Device { encoder_percent: Some(percent), ..idle(0) };
    let open = |sessions| Device { encoder_sessions: Some(sessions), ..idle(0) };
    let slow = |reason: &str| format!("it is slowed down ({reason})");
    let table: [(Device, Option<String>); 18] = [
        (idle(0), None),
        (free(1 << 30), None),
        (
            free((1 << 30) - 1),
            Some("only 1023 MiB of its memory are free, and a job may take 1024 MiB".to_owned()),
        ),
        // More in use than there is: two figures of different moments.
        (
            Device { memory_used_bytes: 25 << 30, ..idle(0) },
            Some("only 0 MiB of its memory are free, and a job may take 1024 MiB".to_owned()),
        ),
        (encoder(94), None),
        (
            encoder(95),
            Some("its encoder has enough to do: it is busy for 95 % of the time".to_owned()),
        ),
        (
            Device { decoder_percent: Some(100), ..idle(0) },
            Some("its decoder has enough to do: it is busy for 100 % of the time".to_owned()),
        ),
        (slowed(&["sw-power-cap", "sync-boost"]), None),
        (slowed(&["hw-slowdown"]), Some(slow("hw-slowdown"))),
        (slowed(&["sw-power-cap", "hw-thermal-slowdown"]), Some(slow("hw-thermal-slowdown"))),
        (slowed(&["hw-power-brake-slowdown"]), Some(slow("hw-power-brake-slowdown"))),
        (slowed(&["sw-thermal-slowdown"]), Some(slow("sw-thermal-slowdown"))),
        (open(4), None),
        (open(5), Some("5 of its 8 encoder sessions are open, and a job opens 4".to_owned())),
        (
            open(u32::MAX),
            Some("4294967295 of its 8 encoder sessions are open, and a job opens 4".to_owned()),
        ),
        // A value that it does not tell is no reason.
        (Device { encoder_percent: None, decoder_percent: None, ..idle(0) }, None),
        (Device { encoder_sessions: None, ..idle(0) }, None),
        (Device { memory_total_bytes: 0, memory_used_bytes: 0, ..idle(0) }, None),
    ];
    for (device, expected) in table {
        let told = full(&device, 4, &limited).map(|full| full.to_string());
        assert_eq!(told, expected, "{device:?}");
    }
    // Without a limit, and where the processor encodes, sessions do not count.
    assert_eq!(full(&open(100), 4, &Thresholds::default()), None);
    assert_eq!(full(&open(100), 0, &limited), None);
}

fn load(at: usize, gpu: u32, running: u32) -> Load {
    Load { at, priority: 100, gpu: Some(gpu), slots: 4, running, sessions: 4 }
}

fn status(devices: Vec<Device>) -> GpuStatus {
    GpuStatus { available: true, devices, ..GpuStatus::default() }
}

#[test]
fn the_gpu_with_the_least_to_do_takes_the_next_job() {
    let busier = |index| Device { encoder_percent: Some(60), ..idle(index) };
    let both = || vec![idle(0), idle(1)];
    let small = Load { slots: 2, ..load(0, 0, 1) };
    let worse = Load { priority: 50, ..load(1, 1, 0) };
    let other_make = Load { gpu: None, ..load(7, 0, 3) };
    let table = [
        ("nothing", vec![], both(), None),
        ("fewest jobs", vec![load(0, 0, 1), load(1, 1, 0)], both(), Some(1)),
        // One of two is more than one of four.
        ("fewest for its slots", vec![small, load(1, 1, 1)], both(), Some(1)),
        ("the same share", vec![Load { running: 2, ..load(5, 1, 0) }, small], both(), Some(0)),
        ("less busy", vec![load(0, 0, 1), load(1, 1, 1)], vec![busier(0), idle(1)], Some(1)),
        ("the first", vec![load(9, 1, 1), load(8, 0, 1)], both(), Some(8)),
        ("no slot", vec![load(0, 0, 4), load(1, 1, 4)], both(), None),
        ("no slots at all", vec![Load { slots: 0, ..load(0, 0, 0) }], both(), None),
        ("better first", vec![worse, load(0, 0, 3)], both(), Some(0)),
        ("better has no slot", vec![worse, load(0, 0, 4)], both(), Some(1)),
        ("lost", vec![load(0, 0, 0), load(1, 1, 3)], vec![idle(1)], Some(1)),
        ("all lost", vec![load(0, 0, 0)], vec![], None),
        ("another make", vec![other_make], vec![], Some(7)),
    ];
    for (what, loads, devices, expected) in table {
        let picked = pick(&loads, &status(devices), &Thresholds::default());
        assert_eq!(picked, expected, "{what}");
    }
}

#[test]
fn a_full_gpu_leaves_the_job_to_another() {
    let busy = Device { encoder_percent: Some(100), ..idle(1) };
    let gpus = status(vec![idle(0), busy]);
    let limits = Thresholds::default();
    assert_eq!(pick(&[load(0, 0, 3), load(1, 1, 0)], &gpus, &limits), Some(0));
    assert_eq!(pick(&[load(0, 0, 4), load(1, 1, 0)], &gpus, &limits), None);
    // Seven sessions of others leave none of eight for a rung more: only the processor encodes.
    let limited = Thresholds { max_sessions: Some(8), ..limits };
    let taken = status(vec![Device { encoder_sessions: Some(7), ..idle(0) }]);
    assert_eq!(pick(&[load(0, 0, 0)], &taken, &limited), None);
    assert_eq!(pick(&[Load { sessions: 0, ..load(0, 0, 0) }], &taken, &limited), Some(0));
    // Where no driver answers, slots alone count.
    assert_eq!(pick(&[load(0, 0, 3)], &GpuStatus::absent("gone"), &limits), Some(0));
}

prop_compose! {
    fn any_device(index: u32)(
        used in 0_u64..=24,
        encoder in proptest::option::of(0_u32..=100),
        decoder in proptest::option::of(0_u32..=100),
        sessions in proptest::option::of(0_u32..10),
        reason in proptest::option::of(prop_oneof![
            Just(throttle::HW_SLOWDOWN), Just(throttle::SW_THERMAL), Just(throttle::SW_POWER_CAP)
        ]),
    ) -> Device {
        Device {
            memory_used_bytes: used << 30,
            encoder_percent: encoder,
            decoder_percent: decoder,
            encoder_sessions: sessions,
            throttle_reasons: reason.map(str::to_owned).into_iter().collect(),
            ..idle(index)
        }
    }
}

prop_compose! {
    fn any_load(gpu: u32)(
        priority in 0_i32..3, slots in 0_u32..5, running in 0_u32..5, sessions in 0_u32..6,
    ) -> Load {
        Load { at: gpu as usize, priority, gpu: Some(gpu), slots, running, sessions }
    }
}

proptest! {
    #[test]
    fn slots_keep_the_limit_of_sessions(
        pixels in proptest::option::of(proptest::num::f64::ANY),
        cost in proptest::num::f64::ANY,
        most in 0_u32..100,
        sessions in 1_u32..20,
    ) {
        let cost = Cost { pixels_per_sec: cost, sessions };
        let capacity = Capacity { pixels_per_sec: pixels, max_sessions: Some(most) };
        let slots = gpu_slots(&capacity, &cost);
        prop_assert!(slots * sessions <= most);
        prop_assert_eq!(slots == 0, sessions > most);
    }

    #[test]
    fn a_processor_always_has_a_slot(cores in 0_u32..1000, pixels in proptest::num::f64::ANY) {
        let slots = cpu_slots(cores, pixels, &JOB);
        prop_assert!(slots >= 1 && slots <= (cores / 2).max(1));
    }

    #[test]
    fn what_is_full_is_never_taken_and_what_has_room_is(
        devices in (any_device(0), any_device(1), any_device(2)),
        loads in (any_load(0), any_load(1), any_load(2)),
        most in proptest::option::of(0_u32..12),
    ) {
        let (devices, loads) = ([devices.0, devices.1, devices.2], [loads.0, loads.1, loads.2]);
        let thresholds = Thresholds { max_sessions: most, ..Thresholds::default() };
        let has_room = |load: &Load| {
            load.running < load.slots
                && full(&devices[load.at], load.sessions, &thresholds).is_none()
        };
        match pick(&loads, &status(devices.to_vec()), &thresholds) {
            None => prop_assert!(!loads.iter().any(has_room)),
            Some(at) => {
                prop_assert!(has_room(&loads[at]));
                let best = loads.iter().filter(|load| has_room(load)).map(|load| load.priority);
                prop_assert_eq!(best.max(), Some(loads[at].priority));
            }
        }
    }
}
