import { useState } from "react";
import css from "./Stage.module.css";

interface StagePosterProps {
  url: string;
  /** It is there, or will never be. */
  onShown: () => void;
}

/** The poster in the place of the player, until that shows its first frame. */
export function StagePoster({ url, onShown }: StagePosterProps) {
  // A newer token opens nothing that is not there already.
  const [first] = useState(url);
  return (
    <img
      className={css.poster}
      src={first}
      alt=""
      fetchPriority="high"
      onLoad={onShown}
      onError={onShown}
      data-testid="stage-poster"
    />
  );
}
