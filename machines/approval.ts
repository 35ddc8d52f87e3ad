/**
 * What a person is asked, and what they answer. An approval is a wait like any other; what answers it is
 * a signal that carries a decision, so a decision is kept, taken once and told apart by id as signals are.
 */

/** What an approval asks: recorded when its wait is opened. */
export interface ApprovalRequest {
  /** The question, for people. */
  readonly prompt: string;
  /** Who may decide, as `Decision.by` names them; absent: anybody. */
  readonly approvers?: readonly string[];
  /** What it comes to when nobody decides in time. */
  readonly onTimeout: "reject" | "approve" | "fail";
}

/** What somebody decided. */
export interface Decision {
  readonly approved: boolean;
  readonly by: string;
  readonly comment?: string;
}

/** Whether the request lets this person decide. */
export const mayDecide = ({ approvers }: ApprovalRequest, { by }: Decision): boolean =>
  approvers === undefined || approvers.includes(by);

/** An approval that was asked for, also after it has ended. */
export interface AskedApproval extends ApprovalRequest {
  readonly since: number;
  readonly due: number | null;
}
