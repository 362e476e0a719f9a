//! Workers that stand still.

use ladderd::domain::dead_stream::StreamKind;
use ladderd::domain::standstill::Standstill;

use super::*;

fn stands_still(element: &str) -> Vec<u8> {
    let element = element.to_owned();
    event(&Event::StandsStill(Standstill { kind: StreamKind::Audio, number: 2, element }))
}

#[tokio::test]
async fn a_stall_names_the_stream_and_the_element() {
    let dir = tempfile::tempdir().unwrap();
    let frames = [prelude(), stands_still("avdec_aac")].concat();
    let worker = Hostile::new(dir.path()).sends(&frames, 1).does("stay");
    let ended = attack_with(worker, &request(), Duration::from_secs(2)).await;
    assert_eq!(ended.code(), Some(FailureCode::WorkerStalled));
    let told = ended.error.unwrap().to_string();
    let expected = "the worker made no progress for 2 s and was killed: nothing came out of audio track 2 \
         (avdec_aac)";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_flood_of_standstills_ends() {
    let still = stands_still("avdec_aac");
    let ended = attack(|worker| worker.sends(&prelude(), 1).sends(&still, 0)).await;
    assert_eq!(*ended.assert_misbehaved(), Misbehaviour::TooMuch("reports of progress"));
}
