// Names for the types of the API that the page uses.

import type { components } from "../../generated/api";

type Schemas = components["schemas"];

export type Video = Schemas["VideoView"];
// Servers of another release may name states that are not in the type.
export type VideoState = Video["state"];
export type VideoList = Schemas["VideoList"];
export type VideoEvent = Schemas["Event"];
export type Session = Schemas["Session"];
export type Scope = Session["scopes"][number];
export type SignIn = Schemas["SignIn"];
export type Problem = Schemas["Problem"];
export type UploadAnswer = Schemas["UploadAnswer"];
export type UploadRequest = Schemas["UploadRequest"];
export type UploadStatus = Schemas["UploadStatus"];
export type VideoChange = Schemas["VideoChange"];
export type VideoError = Schemas["VideoError"];
export type SourceWarning = Schemas["SourceWarning"];
export type Rendition = Schemas["RenditionView"];
export type TextTrack = Schemas["TextTrackView"];
export type TrackKind = Schemas["TrackKind"];
export type Visibility = Schemas["Visibility"];
export type Backend = Schemas["BackendStatus"];
export type DeadLetter = Schemas["DeadLetterView"];
export type DeadLetterList = Schemas["DeadLetterList"];
export type DoctorFinding = Schemas["DoctorFinding"];
export type DoctorReport = Schemas["DoctorReport"];
export type FailureGroup = Schemas["FailureView"];
export type Finding = Schemas["ConformanceFinding"];
export type History = Schemas["SystemHistory"];
export type JobProgress = Schemas["ProgressView"];
export type Qoe = Schemas["QoeView"];
export type QoeFigures = Schemas["Summary"];
export type Readiness = Schemas["Readiness"];
export type RunningJob = Schemas["RunningJob"];
export type Setting = Schemas["SettingView"];
export type Severity = Schemas["Severity"];
export type System = Schemas["System"];
export type VideoReport = Schemas["VideoReport"];
