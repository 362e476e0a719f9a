import { Component, type ReactNode } from "react";
import { text } from "../text";
import { Button } from "../ui/Button";
import { Blank } from "../ui/Notice";

interface GuardProps {
  children: ReactNode;
}

/** Shows a way on where a view has thrown. */
export class Guard extends Component<GuardProps, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <main>
        <Blank
          title={text.common.crashed}
          testId="crashed"
          action={<Button onClick={() => location.reload()}>{text.common.reload}</Button>}
        >
          {error.message}
        </Blank>
      </main>
    );
  }
}
